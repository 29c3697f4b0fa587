// SPDX-License-Identifier: MIT
// The control wrappers: what arrives at the hypervisor, byte by byte where the ABI fixes it, and what
// comes back.
#include "xc/control.hpp"

#include <catch2/catch.hpp>
#include <cerrno>
#include <cstddef>

#include <xen/hvm/params.h>
#include <xen/hypfs.h>

#include "fake_transport.hpp"

using namespace hospes;
using namespace hospes::xc;

namespace {

xen_domctl_createdomain request(bool hvm = false) {
    xen_domctl_createdomain config{};
    config.max_vcpus = 2;
    config.max_evtchn_port = 1023;
    config.max_grant_frames = 64;
    config.max_maptrack_frames = 1024;
    config.grant_opts = 2;
    config.handle[0] = 0xab;
    if (hvm) config.flags = XEN_DOMCTL_CDF_hvm | XEN_DOMCTL_CDF_hap;
    return config;
}

/// The raw bytes of the next domctl of this kind.
std::vector<std::uint8_t> capture(FakeTransport& fake, unsigned command, const std::function<void()>& act) {
    std::vector<std::uint8_t> raw;
    fake.on(__HYPERVISOR_domctl, command, [&raw](const auto& args) {
        const auto* const bytes = reinterpret_cast<const std::uint8_t*>(args[0]);
        raw.assign(bytes, bytes + sizeof(xen_domctl));
        return 0;
    });
    act();
    return raw;
}

template <typename T> T at(const std::vector<std::uint8_t>& raw, std::size_t offset) {
    T value{};
    REQUIRE(raw.size() >= offset + sizeof(T));
    std::memcpy(&value, raw.data() + offset, sizeof(T));
    return value;
}

} // namespace

// The layout of xen_domctl in 4.17: cmd, interface_version, domain, padding, then the union at 16.
TEST_CASE("a domctl has its header and arguments where the ABI puts them") {
    FakeTransport fake;
    Control control(fake);
    const auto raw = capture(fake, XEN_DOMCTL_createdomain, [&] { CHECK(control.create(7, request())); });
    CHECK(at<std::uint32_t>(raw, 0) == 1); // XEN_DOMCTL_createdomain
    CHECK(at<std::uint32_t>(raw, 4) == 0x15);
    CHECK(at<std::uint16_t>(raw, 8) == 7);
    CHECK(at<std::uint32_t>(raw, 16) == 0);    // ssidref
    CHECK(raw[20] == 0xab);                    // handle
    CHECK(at<std::uint32_t>(raw, 36) == 0);    // flags
    CHECK(at<std::uint32_t>(raw, 40) == 0);    // iommu_opts
    CHECK(at<std::uint32_t>(raw, 44) == 2);    // max_vcpus
    CHECK(at<std::uint32_t>(raw, 48) == 1023); // max_evtchn_port
    CHECK(at<std::int32_t>(raw, 52) == 64);    // max_grant_frames
    CHECK(at<std::int32_t>(raw, 56) == 1024);  // max_maptrack_frames
    CHECK(at<std::uint32_t>(raw, 60) == 2);    // grant_opts

    const auto limit = capture(fake, XEN_DOMCTL_max_mem, [&] { CHECK(control.max_memory(3, 0x123456789)); });
    CHECK(at<std::uint32_t>(limit, 0) == 11);
    CHECK(at<std::uint16_t>(limit, 8) == 3);
    CHECK(at<std::uint64_t>(limit, 16) == 0x123456789);

    const auto tsc = capture(fake, XEN_DOMCTL_settscinfo, [&] { CHECK(control.set_tsc(3, 2, 5, 6, 7)); });
    CHECK(at<std::uint32_t>(tsc, 0) == 60);
    CHECK(at<std::uint32_t>(tsc, 16) == 2); // mode
    CHECK(at<std::uint32_t>(tsc, 20) == 6); // kHz
    CHECK(at<std::uint32_t>(tsc, 24) == 7); // incarnation
    CHECK(at<std::uint64_t>(tsc, 32) == 5); // elapsed

    const auto pool =
        capture(fake, XEN_DOMCTL_set_paging_mempool_size, [&] { CHECK(control.set_paging_pool(3, 0x100000)); });
    CHECK(at<std::uint32_t>(pool, 0) == 86);
    CHECK(at<std::uint64_t>(pool, 16) == 0x100000);

    const auto page =
        capture(fake, XEN_DOMCTL_hypercall_init, [&] { CHECK(control.fill_hypercall_page(3, 0xabcdef)); });
    CHECK(at<std::uint32_t>(page, 0) == 22);
    CHECK(at<std::uint64_t>(page, 16) == 0xabcdef);
    CHECK(fake.held() == 0);
}

TEST_CASE("domains are made, looked up, listed and destroyed") {
    FakeTransport fake;
    Control control(fake);
    const auto first = control.create(0, request());
    const auto second = control.create(9, request(true));
    REQUIRE(first);
    REQUIRE(second);
    CHECK(*first == 1);
    CHECK(*second == 9);
    CHECK(control.create(9, request()).problem().code == EEXIST);
    CHECK(control.max_vcpus(9, 2));
    const auto info = control.info(9);
    REQUIRE(info);
    CHECK((info->flags & XEN_DOMINF_hvm_guest) != 0);
    CHECK(info->handle[0] == 0xab);
    CHECK(control.info(5).problem().code == ESRCH);
    const auto all = control.list();
    REQUIRE(all);
    REQUIRE(all->size() == 2);
    CHECK((*all)[1].domain == 9);
    CHECK(control.list(2)->size() == 1);
    CHECK(control.pause(9));
    CHECK(fake.domains()[9].pauses == 2);
    CHECK(control.unpause(9));
    CHECK(control.shutdown(9, SHUTDOWN_reboot));
    CHECK(control.info(9)->flags & XEN_DOMINF_shutdown);
    CHECK(control.send_trigger(9, XEN_DOMCTL_SENDTRIGGER_POWER, 0));
    CHECK(control.destroy(9));
    CHECK(control.destroy(9).problem().text() == "destroy domain 9: No such process");
    CHECK(fake.domains().size() == 1);
    CHECK(fake.held() == 0);
}

TEST_CASE("a destroy that the hypervisor asks to repeat is repeated") {
    FakeTransport fake;
    Control control(fake);
    int left = 3;
    fake.on(__HYPERVISOR_domctl, XEN_DOMCTL_destroydomain, [&left](const auto&) { return left-- ? -ERESTART : 0; });
    CHECK(control.destroy(1));
    CHECK(left == -1);
}

TEST_CASE("lists longer than one buffer are fetched in pieces") {
    FakeTransport fake;
    Control control(fake);
    for (DomId id = 1; id <= 1100; ++id)
        REQUIRE(control.create(id, request()));
    const auto all = control.list();
    REQUIRE(all);
    CHECK(all->size() == 1100);
    CHECK(all->back().domain == 1100);
    CHECK(fake.count(__HYPERVISOR_sysctl, XEN_SYSCTL_getdomaininfolist) == 3);
}

TEST_CASE("memory operations go as one multicall entry and carry 64 bits") {
    FakeTransport fake;
    Control control(fake);
    REQUIRE(control.create(1, request()));
    REQUIRE(control.max_memory(1, 64 << 10));
    std::vector<xen_pfn_t> frames{0, 512, 1024};
    const auto got = control.populate(1, frames, 9);
    REQUIRE(got);
    CHECK(*got == 3);
    CHECK(frames[1] % 512 == 0); // a machine frame now
    CHECK(fake.domains()[1].machine_frame(513) == frames[1] + 1);
    fake.on(__HYPERVISOR_memory_op, XENMEM_maximum_gpfn, [](const auto&) { return 0x123456789L; });
    domid_t id = 1;
    CHECK(control.memory_op(XENMEM_maximum_gpfn, &id, sizeof(id)) == 0x123456789L);
    CHECK(control.claim(1, fake.total_pages * 2).problem().code == ENOMEM);
    CHECK(control.claim(1, 4096));
    CHECK(control.claim(1, 0));
    const E820 map[] = {{0, 0x100000, 1}, {0xfc000000, 0x4000000, 2}};
    CHECK(control.set_memory_map(1, map));
    REQUIRE(fake.domains()[1].memory_map.size() == 2);
    CHECK(fake.domains()[1].memory_map[1].address == 0xfc000000);
    CHECK(fake.held() == 0);
}

TEST_CASE("HVM parameters and contexts make the round trip") {
    FakeTransport fake;
    Control control(fake);
    REQUIRE(control.create(1, request(true)));
    CHECK(control.set_hvm_param(1, HVM_PARAM_STORE_PFN, 0xfeff8));
    CHECK(*control.get_hvm_param(1, HVM_PARAM_STORE_PFN) == 0xfeff8);
    CHECK(control.set_hvm_param(1, 4096, 0).problem().code == EINVAL);
    const std::vector<std::uint8_t> state{1, 2, 3, 4, 5, 6, 7, 8, 9};
    CHECK(control.set_hvm_context(1, state));
    CHECK(*control.get_hvm_context(1) == state);
    REQUIRE(control.max_vcpus(1, 2));
    CHECK(control.get_context(1, 0).problem().code == ENODATA);
    vcpu_guest_context_t context{};
    context.user_regs.rip = 0x1234;
    CHECK(control.set_context(1, 1, context));
    CHECK(control.get_context(1, 1)->user_regs.rip == 0x1234);
    CHECK(control.set_context(1, 2, context).problem().code == EINVAL);
    CHECK(fake.held() == 0);
}

TEST_CASE("hypervisor parameters are written as what they are") {
    FakeTransport fake;
    Control control(fake);
    CHECK(control.set_parameter("x", "1").problem().code == ENOSYS); // a hypervisor without
    xen_hypfs_direntry about{};
    std::string path, written;
    const auto answer = [&](const std::array<std::uint64_t, 5>& args) {
        if (args[0] == XEN_HYPFS_OP_write_contents) {
            written.assign(reinterpret_cast<const char*>(args[3]), args[4]);
            return 0L;
        }
        path.assign(reinterpret_cast<const char*>(args[1]), args[2]);
        std::memcpy(reinterpret_cast<void*>(args[3]), &about, sizeof(about));
        return about.type == XEN_HYPFS_TYPE_STRING ? -long{ENOBUFS} : 0L; // its value is too long for any buffer
    };
    for (const unsigned what : {XEN_HYPFS_OP_read, XEN_HYPFS_OP_write_contents})
        fake.on(__HYPERVISOR_hypfs_op, what, answer);
    CHECK(control.set_parameter("x", "1").problem().code == EACCES); // to be read only
    about = {XEN_HYPFS_TYPE_UINT, 0, 0, 4, 4};
    CHECK(control.set_parameter("x", "0x102"));
    CHECK(path == std::string("/params/x\0", 10));
    CHECK(written == std::string("\2\1\0\0", 4));
    for (const char* bad : {"", "12a", "99999999999999999999"})
        CHECK(control.set_parameter("x", bad).problem().code == EINVAL);
    about.type = XEN_HYPFS_TYPE_BOOL;
    about.content_len = 1;
    CHECK(control.set_parameter("x", "no"));
    CHECK(written == std::string(1, '\0'));
    CHECK(control.set_parameter("x", "maybe").problem().code == EINVAL);
    about.type = XEN_HYPFS_TYPE_STRING;
    CHECK(control.set_parameter("x", "all"));
    CHECK(written == std::string("all\0", 4));
    about.type = XEN_HYPFS_TYPE_DIR;
    CHECK(control.set_parameter("x", "1").problem().code == EOPNOTSUPP);
    CHECK(control.set_parameter(std::string(2000, 'x'), "1").problem().code == ENAMETOOLONG);
    CHECK(fake.held() == 0);
}

TEST_CASE("affinities, scheduling and event channels") {
    FakeTransport fake;
    Control control(fake);
    REQUIRE(control.create(1, request()));
    REQUIRE(control.max_vcpus(1, 2));
    const BitWords hard{0x05}, soft{0x03};
    CHECK(control.set_affinity(1, 1, &hard, nullptr));
    CHECK(fake.domains()[1].affinity[1].first == hard);
    CHECK(fake.domains()[1].affinity[1].second.empty());
    CHECK(control.set_affinity(1, 1, nullptr, &soft));
    CHECK(fake.domains()[1].affinity[1].second == soft);
    CHECK(control.credit2_set(1, {512, 50}));
    CHECK(control.credit2_get(1)->weight == 512);
    CHECK(*control.alloc_unbound(1, 0) == 1);
    CHECK(*control.alloc_unbound(1, 0) == 2);
    CHECK(control.alloc_unbound(8, 0).problem().code == ESRCH);
}

TEST_CASE("a CPU policy that the hypervisor refuses names the leaf") {
    FakeTransport fake;
    Control control(fake);
    REQUIRE(control.create(1, request()));
    std::vector<xen_cpuid_leaf_t> leaves;
    std::vector<xen_msr_entry_t> msrs;
    REQUIRE(control.get_system_cpu_policy(XEN_SYSCTL_cpu_policy_pv_default, leaves, msrs));
    CHECK(leaves.size() == 3);
    CHECK(control.set_cpu_policy(1, leaves, msrs));
    CHECK(fake.domains()[1].leaves.size() == 3);
    fake.on(__HYPERVISOR_domctl, XEN_DOMCTL_set_cpu_policy, [](const auto& args) {
        auto& op = *reinterpret_cast<xen_domctl*>(args[0]);
        CHECK(op.u.cpu_policy.err_leaf == ~0U);
        op.u.cpu_policy.err_leaf = 7;
        return -EINVAL;
    });
    CHECK(control.set_cpu_policy(1, leaves, msrs).problem().cause == "CPUID leaf 7 is not possible on this host");
    CHECK(fake.held() == 0);
}

TEST_CASE("every wrapper passes a failure on and gives its buffers back") {
    FakeTransport probe;
    const auto act = [](FakeTransport& fake) -> Status {
        Control control(fake);
        HOSPES_TRY(control.phys_info());
        HOSPES_TRY(control.list());
        const DomId id = HOSPES_TRY(control.create(0, request(true)));
        HOSPES_TRY(control.max_vcpus(id, 2));
        HOSPES_TRY(control.max_memory(id, 65536));
        std::vector<xen_pfn_t> frames{1, 2};
        if (HOSPES_TRY(control.populate(id, frames, 0)) != 2) return error("populate", ENOMEM);
        HOSPES_TRY(control.get_hvm_context(id));
        HOSPES_TRY(control.set_hvm_param(id, HVM_PARAM_STORE_PFN, 1));
        const Mapping mapping = HOSPES_TRY(map_frames(fake, id, frames, true));
        mapping.bytes()[0] = 1;
        HOSPES_TRY(map_grant_table(fake, id, 1));
        return control.destroy(id);
    };
    REQUIRE(act(probe));
    const std::size_t steps = probe.steps().size();
    CHECK(steps > 20);
    for (std::size_t n = 1; n <= steps; ++n) {
        FakeTransport fake;
        fake.fail_step(n, EIO);
        const Status done = act(fake);
        INFO("step " << n);
        CHECK_FALSE(done);
        CHECK(fake.failed());
        CHECK(fake.held() == 0);
    }
}

TEST_CASE("two mappings of a frame are the same memory, and a destroyed domain's is gone") {
    FakeTransport fake;
    Control control(fake);
    REQUIRE(control.create(1, request(true)));
    REQUIRE(control.max_memory(1, 65536));
    std::vector<xen_pfn_t> frames{5};
    REQUIRE(*control.populate(1, frames, 0) == 1);
    {
        const auto one = map_frames(fake, 1, frames, true), two = map_frames(fake, 1, frames, false);
        REQUIRE(one);
        REQUIRE(two);
        one->bytes()[17] = 42;
        CHECK(two->bytes()[17] == 42);
    }
    CHECK(fake.read(1, 0x5000, 18).at(17) == 42);
    const std::vector<xen_pfn_t> nowhere{6};
    CHECK(map_frames(fake, 1, nowhere, true).problem().code == EINVAL);
    int errors[1];
    void* const partly = fake.map_foreign(1, 1, nowhere, errors);
    REQUIRE(partly);
    CHECK(errors[0] == -EINVAL);
    fake.unmap(partly, page_size);
    const std::uint64_t before = fake.free_pages();
    CHECK(control.destroy(1));
    CHECK(fake.free_pages() > before);
    CHECK(map_frames(fake, 1, frames, true).problem().code == ESRCH);
    CHECK(fake.held() == 0);
}
