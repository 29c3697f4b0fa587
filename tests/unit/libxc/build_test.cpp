// SPDX-License-Identifier: MIT
// Whole builds against the model: what a guest would find in its memory and its first vCPU.
#include "xc/build.hpp"

#include <array>
#include <catch2/catch.hpp>
#include <cerrno>
#include <cstdio>
#include <optional>

#include <unistd.h>
#include <xen/arch-x86/hvm/start_info.h>
#include <xen/hvm/save.h>

#include "fake_transport.hpp"
#include "sample_kernel.hpp"

using namespace hospes;
using namespace hospes::xc;

namespace {

constexpr std::uint64_t mib = 1 << 20, mib_pages = mib >> page_shift;

struct Scene {
    FakeTransport fake;
    Control control{fake};
    KernelImage kernel = *KernelImage::parse(sample::elf(), "k");
    GuestPlan plan;

    Scene(bool hvm, std::uint64_t pages, unsigned vcpus = 1, std::uint64_t max_pages = 0) {
        xen_domctl_createdomain request{};
        request.max_vcpus = vcpus;
        if (hvm) request.flags = XEN_DOMCTL_CDF_hvm | XEN_DOMCTL_CDF_hap;
        REQUIRE(control.create(1, request));
        REQUIRE(control.max_vcpus(1, vcpus));
        REQUIRE(control.max_memory(1, (std::max(pages, max_pages) << 2) + 1024));
        plan.domain = 1;
        plan.pages = pages;
        plan.max_pages = max_pages;
        plan.vcpus = vcpus;
        plan.command_line = "console=hvc0 quiet";
        plan.ramdisk = Content(std::vector<std::uint8_t>(3 * page_size + 5, 0x5a));
        plan.store_port = 3;
        plan.console_port = 4;
    }
    FakeDomain& domain() { return fake.domains()[1]; }
    template <typename T> T at(std::uint64_t address) {
        const auto raw = fake.read(1, address, sizeof(T));
        REQUIRE(raw.size() == sizeof(T));
        T value;
        std::memcpy(&value, raw.data(), sizeof(T));
        return value;
    }
    std::string text(std::uint64_t address, std::size_t bytes) {
        const auto raw = fake.read(1, address, bytes);
        return {raw.begin(), raw.end()};
    }
};

template <typename T> T record(const std::vector<std::uint8_t>& state, unsigned code, unsigned instance) {
    for (std::size_t at = 0; at + sizeof(hvm_save_descriptor) <= state.size();) {
        hvm_save_descriptor descriptor;
        std::memcpy(&descriptor, state.data() + at, sizeof(descriptor));
        at += sizeof(descriptor);
        if (descriptor.typecode == code && descriptor.instance == instance) {
            REQUIRE(descriptor.length == sizeof(T));
            T value;
            std::memcpy(&value, state.data() + at, sizeof(T));
            return value;
        }
        at += descriptor.length;
    }
    FAIL("no record of type " << code);
    return {};
}

/// Walks the PV guest's own tables from CR3, all by machine frames.
std::optional<std::uint64_t> pv_entry(Scene& scene, std::uint64_t virtual_address) {
    std::uint64_t table = scene.domain().contexts[0].ctrlreg[3] >> page_shift, entry = 0;
    for (unsigned level = 4; level >= 1; --level) {
        const auto page = scene.fake.read_machine(table);
        std::memcpy(&entry, page.data() + 8 * (virtual_address >> (3 + 9 * level) & 511), 8);
        if (!(entry & 1)) return std::nullopt;
        table = entry << 12 >> 24;
    }
    return entry;
}
template <typename T> T pv_read(Scene& scene, std::uint64_t virtual_address) {
    const auto entry = pv_entry(scene, virtual_address);
    REQUIRE(entry);
    const auto page = scene.fake.read_machine(*entry << 12 >> 24);
    T value;
    REQUIRE(virtual_address % page_size + sizeof(T) <= page_size);
    std::memcpy(&value, page.data() + virtual_address % page_size, sizeof(T));
    return value;
}

} // namespace

TEST_CASE("a PVH guest finds itself, its ramdisk and its command line") {
    Scene s(true, 64 * mib_pages, 3);
    const auto built = build_pvh(s.control, s.kernel, s.plan);
    REQUIRE(built);
    CHECK(s.fake.held() == 0);
    CHECK(s.text(0x1000000, 2) == "\x90\x90");
    CHECK(s.at<std::uint64_t>(0x1001000) == 0); // the segment's tail
    const auto cpu = record<hvm_hw_cpu>(s.domain().hvm_context, HVM_SAVE_CODE(CPU), 0);
    CHECK(cpu.rip == 0x1000010);
    CHECK(cpu.cr0 == 0x11);
    CHECK(cpu.cs_arbytes == 0xc9b);
    const auto info = s.at<hvm_start_info>(cpu.rbx);
    CHECK(info.magic == XEN_HVM_START_MAGIC_VALUE);
    CHECK(info.version == 1);
    CHECK(s.text(info.cmdline_paddr, 19) == std::string("console=hvc0 quiet\0", 19));
    REQUIRE(info.nr_modules == 1);
    const auto module = s.at<hvm_modlist_entry>(info.modlist_paddr);
    CHECK(module.size == s.plan.ramdisk.size());
    CHECK(s.fake.read(1, module.paddr, module.size) == *s.plan.ramdisk.all());
    CHECK(module.paddr >= 0x1003000);
    CHECK(s.text(info.rsdp_paddr, 8) == "RSD PTR ");
    // The map that the guest gets is the one that the hypervisor was told.
    REQUIRE(info.memmap_entries == s.domain().memory_map.size());
    for (std::uint32_t i = 0; i < info.memmap_entries; ++i) {
        const auto entry = s.at<hvm_memmap_table_entry>(info.memmap_paddr + i * sizeof(hvm_memmap_table_entry));
        const E820& told = s.domain().memory_map[i];
        CHECK(entry.addr == told.address);
        CHECK(entry.size == told.size);
        CHECK(entry.type == told.type);
        CHECK(entry.addr % page_size == 0);
        if (i) CHECK(entry.addr >= s.domain().memory_map[i - 1].address + s.domain().memory_map[i - 1].size);
    }
    // Shared pages and parameters.
    CHECK(s.domain().params[HVM_PARAM_STORE_PFN] == built->store_frame);
    CHECK(s.domain().params[HVM_PARAM_CONSOLE_PFN] == built->console_frame);
    CHECK(s.domain().params[HVM_PARAM_STORE_EVTCHN] == 3);
    CHECK(s.domain().params[HVM_PARAM_CONSOLE_EVTCHN] == 4);
    const std::uint64_t identity = s.domain().params[HVM_PARAM_IDENT_PT];
    CHECK(s.at<std::uint32_t>(identity + 4 * 1023) == (0xffc00000 | 0xe7));
    CHECK(s.domain().paging_pool == (3 * 256 + 2 * 64) * page_size);
    CHECK_FALSE(s.domain().leaves.empty());
    REQUIRE(seed_grant_table(s.control, s.plan, *built));
    // 1 vCPU context was loaded only for the first: the others wait to be woken.
    CHECK(s.fake.count(__HYPERVISOR_domctl, XEN_DOMCTL_sethvmcontext) == 1);
}

TEST_CASE("what a file leaves out is zero in the guest, whatever its memory held before") {
    std::FILE* const file = std::tmpfile();
    REQUIRE(file);
    const int fd = ::dup(::fileno(file));
    std::fclose(file);
    const std::vector<std::uint8_t> some(70000, 0x5a);
    REQUIRE(::pwrite(fd, some.data(), some.size(), 0) == 70000);
    REQUIRE(::pwrite(fd, some.data(), 5, 300001) == 5);
    REQUIRE(::ftruncate(fd, 500123) == 0);
    const Content ramdisk = Content::adopt(fd, 500123, "r");
    const bool hvm = GENERATE(true, false);
    Scene s(hvm, 16 * mib_pages);
    s.kernel = *KernelImage::parse(sample::elf({.physical = 0x200000}), "k");
    s.fake.stale = true;
    s.plan.ramdisk = ramdisk.part(100, 500000); // a hole does not begin with a page of the guest
    const auto expected = *s.plan.ramdisk.all();
    if (hvm) {
        REQUIRE(build_pvh(s.control, s.kernel, s.plan));
        const auto info = s.at<hvm_start_info>(record<hvm_hw_cpu>(s.domain().hvm_context, HVM_SAVE_CODE(CPU), 0).rbx);
        CHECK(s.fake.read(1, s.at<hvm_modlist_entry>(info.modlist_paddr).paddr, expected.size()) == expected);
    } else {
        REQUIRE(build_pv(s.control, s.kernel, s.plan));
        const auto info = pv_read<start_info_t>(s, s.domain().contexts.at(0).user_regs.rsi);
        CHECK(s.fake.read(1, info.mod_start << page_shift, expected.size()) == expected);
        CHECK(s.fake.count(__HYPERVISOR_mmuext_op, MMUEXT_CLEAR_PAGE) >= 2); // without a mapping
    }
    CHECK(s.fake.held() == 0);
}

TEST_CASE("PVH memory goes around the hole below 4 GiB, in the largest pieces") {
    constexpr std::uint64_t pages = 6 * 1024 * mib_pages;
    Scene s(true, pages);
    s.fake.total_pages = 8 * 1024 * mib_pages;
    REQUIRE(build_pvh(s.control, s.kernel, s.plan));
    const FakeDomain& d = s.domain();
    std::uint64_t ram = 0;
    for (const E820& e : d.memory_map)
        if (e.type == 1) ram += e.size;
    CHECK(ram == pages << page_shift);
    CHECK(d.memory_map.front().size == 0xfc000000);
    CHECK(d.memory_map.back().address == 1ULL << 32);
    CHECK(d.machine_frame(0xfbfff) != ~xen_pfn_t{0});
    CHECK(d.machine_frame(0xfd000) == ~xen_pfn_t{0});
    CHECK(d.machine_frame(0x100000 + pages - 0xfc000 - 1) != ~xen_pfn_t{0});
    CHECK(d.machine_frame(0x100000 + pages - 0xfc000) == ~xen_pfn_t{0});
    CHECK(d.memory.at(0).pages == 1U << 18);
    // 3 + 1 GiB pages... the rest in 2 MiB ones; the shared frames apart.
    CHECK(s.fake.count(__HYPERVISOR_memory_op, XENMEM_populate_physmap) <= 8);
}

TEST_CASE("a fragmented host serves the same memory in small pieces") {
    for (const unsigned order : {9U, 0U}) {
        Scene s(true, 40 * mib_pages);
        s.fake.largest_order = order;
        REQUIRE(build_pvh(s.control, s.kernel, s.plan));
        CHECK(s.domain().machine_frame(40 * mib_pages - 1) != ~xen_pfn_t{0});
        CHECK(s.domain().memory.at(0).pages == std::uint64_t{1} << order);
    }
}

TEST_CASE("PVH with maxmem above memory is populated on demand") {
    Scene s(true, 64 * mib_pages, 1, 128 * mib_pages);
    REQUIRE(build_pvh(s.control, s.kernel, s.plan));
    CHECK(s.domain().pod_target == 64 * mib_pages);
    CHECK(s.domain().memory_map[0].size == 128 * mib);
    CHECK(s.domain().machine_frame(128 * mib_pages - 1) != ~xen_pfn_t{0});
}

/// What the hypervisor was told of virtual NUMA.
struct Told {
    unsigned vnodes = 0, vcpus = 0;
    std::vector<unsigned> distances, vcpu_nodes, machine_nodes;
    std::vector<std::array<std::uint64_t, 3>> ranges; ///< start, end, node
};
void listen(Scene& s, Told& told) {
    s.fake.on(__HYPERVISOR_domctl, XEN_DOMCTL_setvnumainfo, [&told](const std::array<std::uint64_t, 5>& args) {
        const auto& v = reinterpret_cast<const xen_domctl*>(args[0])->u.vnuma;
        told.vnodes = v.nr_vnodes;
        told.vcpus = v.nr_vcpus;
        told.distances.assign(v.vdistance.p, v.vdistance.p + v.nr_vnodes * v.nr_vnodes);
        told.vcpu_nodes.assign(v.vcpu_to_vnode.p, v.vcpu_to_vnode.p + v.nr_vcpus);
        told.machine_nodes.assign(v.vnode_to_pnode.p, v.vnode_to_pnode.p + v.nr_vnodes);
        for (unsigned i = 0; i < v.nr_vmemranges; ++i)
            told.ranges.push_back({v.vmemrange.p[i].start, v.vmemrange.p[i].end, v.vmemrange.p[i].nid});
        return 0L;
    });
}

TEST_CASE("virtual NUMA nodes have their memory from the nodes they name") {
    for (const bool hvm : {false, true}) {
        // PVH: the second node goes around the hole below 4 GiB.
        const std::uint64_t first = hvm ? 3000 * mib_pages : 16 * mib_pages;
        const std::uint64_t second = hvm ? 2000 * mib_pages : 48 * mib_pages;
        Scene s(hvm, first + second, 3);
        s.fake.total_pages = 2 * (first + second);
        s.plan.nodes = {{first, 1, {0, 2}, {10, 21}}, {second, 0, {1}, {21, 10}}};
        Told told;
        listen(s, told);
        const auto built = hvm ? build_pvh(s.control, s.kernel, s.plan) : build_pv(s.control, s.kernel, s.plan);
        INFO((built ? "" : built.problem().text()));
        REQUIRE(built);
        CHECK(s.fake.held() == 0);
        CHECK(told.vnodes == 2);
        CHECK(told.distances == std::vector<unsigned>{10, 21, 21, 10});
        CHECK(told.vcpu_nodes == std::vector<unsigned>{0, 1, 0});
        CHECK(told.machine_nodes == std::vector<unsigned>{1, 0});
        using Range = std::array<std::uint64_t, 3>;
        const std::uint64_t split = first << page_shift, end = (first + second) << page_shift;
        if (hvm)
            CHECK(told.ranges == std::vector<Range>{{0, split, 0},
                                                    {split, 0xfc000000, 1},
                                                    {0x100000000, 0x100000000 + end - 0xfc000000, 1}});
        else
            CHECK(told.ranges == std::vector<Range>{{0, split, 0}, {split, end, 1}});
        for (const auto& [frame, extent] : s.domain().memory) {
            if (frame >= 0xfc000 && frame < 0x100000) continue; // the pages that serve the toolstack
            CHECK(extent.flags == XENMEMF_exact_node(frame < first ? 1U : 0U));
        }
    }
}

TEST_CASE("virtual NUMA that does not fit the guest is refused by name") {
    const auto refusal = [](auto&& spoil) {
        Scene s(false, 64 * mib_pages, 2);
        s.plan.nodes = {{32 * mib_pages, 0, {0}, {10, 20}}, {32 * mib_pages, 0, {1}, {20, 10}}};
        Told told;
        listen(s, told);
        spoil(s);
        const auto built = build_pv(s.control, s.kernel, s.plan);
        return built ? std::string() : built.problem().text();
    };
    using Catch::Contains;
    CHECK(refusal([](Scene&) {}).empty());
    CHECK_THAT(refusal([](Scene& s) { s.plan.nodes[0].pages -= 1; }), Contains("less memory"));
    CHECK_THAT(refusal([](Scene& s) { s.plan.nodes.push_back(s.plan.nodes[0]); }), Contains("in two nodes"));
    CHECK_THAT(refusal([](Scene& s) { s.plan.nodes[1].pages += 1; }), Contains("more memory"));
    CHECK_THAT(refusal([](Scene& s) { s.plan.nodes[1].vcpus = {2}; }), Contains("no vCPU 2"));
    CHECK_THAT(refusal([](Scene& s) { s.plan.nodes[1].vcpus.clear(); }), Contains("vCPU 1 is in no node"));
    CHECK_THAT(refusal([](Scene& s) { s.plan.nodes[1].distances.pop_back(); }), Contains("1 distances to 2 nodes"));
    CHECK_THAT(refusal([](Scene& s) { s.plan.nodes[1].distances[0] = 9; }), Contains("10 to 254"));
    CHECK_THAT(refusal([](Scene& s) { s.plan.max_pages = 65 * mib_pages; }), Contains("grow later"));
    CHECK_THAT(refusal([](Scene& s) { s.fake.fail_always(__HYPERVISOR_domctl, XEN_DOMCTL_setvnumainfo, EOPNOTSUPP); }),
               Contains("no virtual NUMA"));
}

TEST_CASE("PVH guests that cannot be are refused before anything is done") {
    const auto refusal = [](Scene& s) {
        const std::size_t before = s.fake.steps().size();
        const auto built = build_pvh(s.control, s.kernel, s.plan);
        REQUIRE_FALSE(built);
        CHECK(s.fake.steps().size() == before);
        CHECK_FALSE(built.problem().cause.empty());
        return built.problem();
    };
    Scene small(true, 16 * mib_pages);
    CHECK(refusal(small).code == ENOSPC);
    Scene ramdisk(true, 17 * mib_pages);
    ramdisk.plan.ramdisk = Content(std::vector<std::uint8_t>(1 * mib));
    CHECK(refusal(ramdisk).hint == "raise memory=");
    Scene line(true, 64 * mib_pages);
    line.plan.command_line.assign(40000, 'x');
    CHECK(refusal(line).code == E2BIG);
    Scene entry(true, 64 * mib_pages);
    auto elf = sample::elf();
    for (std::size_t i = 0; i + 4 < elf.size(); ++i)
        if (std::memcmp(&elf[i], "\x10\x00\x00\x01", 4) == 0) elf[i + 3] = 0x09;
    entry.kernel = *KernelImage::parse(elf, "k");
    CHECK(refusal(entry).code == ENOEXEC);
}

TEST_CASE("a PV guest wakes up on page tables that map what start_info names") {
    for (const bool apart : {true, false}) {
        Scene s(false, 64 * mib_pages, 2, 96 * mib_pages);
        s.kernel = *KernelImage::parse(sample::elf({.apart = apart}), "k");
        const auto built = build_pv(s.control, s.kernel, s.plan);
        REQUIRE(built);
        CHECK(s.fake.held() == 0);
        const auto& context = s.domain().contexts.at(0);
        CHECK(s.domain().contexts.size() == 1);
        CHECK(context.user_regs.rip == 0xffffffff81000000);
        const auto info = pv_read<start_info_t>(s, context.user_regs.rsi);
        CHECK(std::string(info.magic) == "xen-3.0-x86_64");
        CHECK(info.nr_pages == s.plan.pages);
        CHECK(info.store_mfn == built->store_frame);
        CHECK(info.store_evtchn == 3);
        CHECK(info.console.domU.mfn == built->console_frame);
        CHECK(info.shared_info == s.domain().shared_info << page_shift);
        CHECK(std::string(reinterpret_cast<const char*>(info.cmd_line)) == "console=hvc0 quiet");
        CHECK(info.mod_len == s.plan.ramdisk.size());
        const std::uint64_t ramdisk = apart ? info.mod_start << page_shift : info.mod_start - sample::virt_base;
        CHECK((info.flags == SIF_MOD_START_PFN) == apart);
        CHECK(s.fake.read(1, ramdisk, info.mod_len) == *s.plan.ramdisk.all());
        // The list of machine frames, all of it, through the guest's own mapping.
        CHECK((info.mfn_list == 0x8000000000) == apart);
        for (const std::uint64_t frame : {std::uint64_t{0}, std::uint64_t{511}, std::uint64_t{512}, 64 * mib_pages - 1})
            CHECK(pv_read<std::uint64_t>(s, info.mfn_list + 8 * frame) == s.domain().machine_frame(frame));
        // No page table may be writable.
        for (std::uint64_t i = 0; i < info.nr_pt_frames; ++i) {
            const auto entry = pv_entry(s, info.pt_base + (i << page_shift));
            REQUIRE(entry);
            CHECK((*entry & 2) == 0);
        }
        const auto stack = pv_entry(s, context.user_regs.rsp - page_size);
        REQUIRE(stack);
        CHECK((*stack & 2) != 0);
        REQUIRE(s.domain().pinned.size() == 1);
        CHECK(s.domain().pinned[0].first == MMUEXT_PIN_L4_TABLE);
        CHECK(s.domain().pinned[0].second == context.ctrlreg[3] >> page_shift);
        // How far it may balloon.
        REQUIRE(s.domain().memory_map.size() == 1);
        CHECK(s.domain().memory_map[0].size == 96 * mib);
    }
}

TEST_CASE("a PV guest of several GiB has its whole list") {
    constexpr std::uint64_t pages = 5 * 1024 * mib_pages;
    Scene s(false, pages);
    s.fake.total_pages = 2 * pages;
    REQUIRE(build_pv(s.control, s.kernel, s.plan));
    const auto info = pv_read<start_info_t>(s, s.domain().contexts[0].user_regs.rsi);
    CHECK(info.mfn_list == 0x8000000000);
    for (std::uint64_t frame = 0; frame < pages; frame += 77777)
        CHECK(pv_read<std::uint64_t>(s, info.mfn_list + 8 * frame) == s.domain().machine_frame(frame));
    CHECK(info.nr_p2m_frames > pages / 512);
    CHECK(s.fake.count(__HYPERVISOR_memory_op, XENMEM_populate_physmap) <= 4);
}

TEST_CASE("whatever fails while building, the error is passed on and nothing is held") {
    for (const bool hvm : {true, false}) {
        const auto build = [hvm](Scene& s) -> Status {
            const auto built =
                HOSPES_TRY(hvm ? build_pvh(s.control, s.kernel, s.plan) : build_pv(s.control, s.kernel, s.plan));
            return seed_grant_table(s.control, s.plan, built);
        };
        Scene good(hvm, 24 * mib_pages, 2);
        const std::size_t before = good.fake.steps().size();
        REQUIRE(build(good));
        const std::size_t steps = good.fake.steps().size() - before;
        CHECK(steps > 20);
        for (std::size_t n = 1; n <= steps; ++n) {
            Scene s(hvm, 24 * mib_pages, 2);
            s.fake.fail_step(n, EIO);
            const Status done = build(s);
            INFO((hvm ? "PVH" : "PV") << " step " << n);
            REQUIRE_FALSE(done);
            CHECK_FALSE(done.problem().stage.empty());
            CHECK(s.fake.held() == 0);
        }
    }
}

TEST_CASE("too little memory in the host is said in pages and MiB") {
    Scene s(true, 64 * mib_pages);
    s.fake.total_pages = 40 * mib_pages;
    const auto built = build_pvh(s.control, s.kernel, s.plan);
    REQUIRE_FALSE(built);
    CHECK(built.problem().code == ENOMEM);
    CHECK(built.problem().cause.find("are missing") != std::string::npos);
}
