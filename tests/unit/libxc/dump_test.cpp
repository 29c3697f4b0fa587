// SPDX-License-Identifier: MIT
// Core files of the model's domains, read back as an analysis tool would: by section names.
#include "xc/dump.hpp"

#include <elf.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <set>

#include "fake_transport.hpp"
#include "sample_kernel.hpp"
#include "xc/build.hpp"

using namespace hospes;
using namespace hospes::xc;

namespace {

constexpr std::uint64_t mib_pages = 256;
using Bytes = std::vector<std::uint8_t>;

struct Folder {
    std::string path = "/tmp/hospes-dump.XXXXXX";
    Folder() { REQUIRE(::mkdtemp(path.data())); }
    ~Folder() { std::filesystem::remove_all(path); }
    [[nodiscard]] std::string file() const { return path + "/core"; }
    [[nodiscard]] std::size_t entries() const {
        return static_cast<std::size_t>(std::distance(std::filesystem::directory_iterator(path), {}));
    }
};

struct Scene {
    FakeTransport fake;
    Control control{fake};
    Scene(bool hvm, std::uint64_t pages) {
        xen_domctl_createdomain request{};
        request.max_vcpus = 2;
        if (hvm) request.flags = XEN_DOMCTL_CDF_hvm | XEN_DOMCTL_CDF_hap;
        REQUIRE(control.create(1, request));
        REQUIRE(control.max_vcpus(1, 2));
        REQUIRE(control.max_memory(1, (pages << 2) + 1024));
        const KernelImage kernel = *KernelImage::parse(sample::elf(), "k");
        GuestPlan plan;
        plan.domain = 1;
        plan.pages = pages;
        plan.vcpus = 2;
        REQUIRE((hvm ? build_pvh(control, kernel, plan) : build_pv(control, kernel, plan)));
        if (hvm) {
            vcpu_guest_context_t context{};
            context.user_regs.rip = 0x1234;
            REQUIRE(control.set_context(1, 0, context));
        }
    }
    FakeDomain& domain() { return fake.domains()[1]; }
    void poke(xen_pfn_t frame, std::size_t at, std::uint64_t value) {
        const auto mapping = map_frames(fake, 1, {&frame, 1}, true);
        REQUIRE(mapping);
        mapping->as<std::uint64_t>()[at] = value;
    }
    /// Publishes the list as Linux does: a root page, one page of list pages, the pages; in the guest's last frames.
    void publish(std::uint64_t pages) {
        const std::uint64_t lists = (pages + 511) / 512;
        REQUIRE(lists <= 512);
        const std::uint64_t first = pages - lists - 2;
        const auto machine = [this](std::uint64_t frame) { return domain().machine_frame(frame); };
        poke(machine(pages - 1), 0, machine(pages - 2));
        for (std::uint64_t i = 0; i < lists; ++i)
            poke(machine(pages - 2), i, machine(first + i));
        for (std::uint64_t i = 0; i < lists * 512; ++i)
            poke(machine(first + i / 512), i % 512, i < pages ? machine(i) : ~0ULL);
        share(machine(pages - 1), pages);
    }
    void share(std::uint64_t root, std::uint64_t pages) {
        const auto mapping = map_frames(fake, 1, {&domain().shared_info, 1}, true);
        REQUIRE(mapping);
        mapping->as<shared_info_t>()->arch.pfn_to_mfn_frame_list_list = root;
        mapping->as<shared_info_t>()->arch.max_pfn = pages;
    }
};

std::map<std::string, Bytes> sections(const std::string& path) {
    std::ifstream in(path, std::ios::binary);
    Bytes all(std::filesystem::file_size(path));
    REQUIRE(in.read(reinterpret_cast<char*>(all.data()), static_cast<std::streamsize>(all.size())));
    Elf64_Ehdr head{};
    REQUIRE(all.size() > sizeof(head));
    std::memcpy(&head, all.data(), sizeof(head));
    CHECK(std::memcmp(head.e_ident, ELFMAG, SELFMAG) == 0);
    CHECK(head.e_type == ET_CORE);
    CHECK(head.e_machine == EM_X86_64);
    CHECK(head.e_phnum == 0);
    std::vector<Elf64_Shdr> headers(head.e_shnum);
    REQUIRE(head.e_shoff + headers.size() * sizeof(Elf64_Shdr) <= all.size());
    std::memcpy(headers.data(), all.data() + head.e_shoff, headers.size() * sizeof(Elf64_Shdr));
    std::map<std::string, Bytes> out;
    for (std::size_t i = 1; i < headers.size(); ++i) {
        const Elf64_Shdr& h = headers[i];
        REQUIRE(h.sh_offset + h.sh_size <= all.size());
        const char* name = reinterpret_cast<const char*>(&all[headers[head.e_shstrndx].sh_offset + h.sh_name]);
        out[name] = Bytes(all.begin() + long(h.sh_offset), all.begin() + long(h.sh_offset + h.sh_size));
        if (std::string(name) == ".xen_pages") CHECK(h.sh_offset % page_size == 0);
    }
    return out;
}
std::vector<std::uint64_t> words(const Bytes& bytes) {
    std::vector<std::uint64_t> out(bytes.size() / 8);
    std::memcpy(out.data(), bytes.data(), out.size() * 8);
    return out;
}

} // namespace

TEST_CASE("a PV domain's core holds its registers, its pages and their numbers") {
    constexpr std::uint64_t pages = 24 * mib_pages;
    Scene s(false, pages);
    s.publish(pages);
    const Folder folder;
    const auto done = dump_core(s.control, 1, folder.file());
    REQUIRE(done);
    CHECK(done->pages == pages);
    CHECK(done->vcpus == 1);
    CHECK(folder.entries() == 1);
    struct stat info {};
    REQUIRE(::stat(folder.file().c_str(), &info) == 0);
    CHECK((info.st_mode & 0777) == 0600);
    CHECK(static_cast<std::uint64_t>(info.st_blocks) * 512 < static_cast<std::uint64_t>(info.st_size) / 4); // holes
    auto found = sections(folder.file());
    CHECK(found.count(".xen_pfn") == 0);
    CHECK(found.at(".xen_pages").size() == pages << page_shift);
    CHECK(found.at(".xen_shared_info").size() == page_size);
    const auto list = words(found.at(".xen_p2m"));
    REQUIRE(list.size() == 2 * pages);
    for (std::uint64_t i = 0; i < pages; i += 7) {
        CHECK(list[2 * i] == i);
        CHECK(list[2 * i + 1] == s.domain().machine_frame(i));
    }
    for (const std::uint64_t frame : {std::uint64_t{0x1000}, pages - 1, pages - 2})
        CHECK(Bytes(found[".xen_pages"].begin() + long(frame << page_shift),
                    found[".xen_pages"].begin() + long((frame + 1) << page_shift)) ==
              s.fake.read_machine(s.domain().machine_frame(frame)));
    vcpu_guest_context_t context;
    REQUIRE(found.at(".xen_prstatus").size() == sizeof(context));
    std::memcpy(&context, found[".xen_prstatus"].data(), sizeof(context));
    CHECK(context.user_regs.rip == 0xffffffff81000000);
    // Notes: none, header, version, format; the header counts.
    const Bytes& notes = found.at(".note.Xen");
    CHECK(notes.size() == 16 + 16 + 32 + 16 + 1280 + 16 + 8);
    const auto header = words(Bytes(notes.begin() + 32, notes.begin() + 64));
    CHECK(header == std::vector<std::uint64_t>{0xf00febed, 1, pages, page_size});
    CHECK(s.fake.held() == 0);
}

TEST_CASE("a PVH domain's core names guest frames") {
    constexpr std::uint64_t pages = 20 * mib_pages;
    Scene s(true, pages);
    const Folder folder;
    const auto done = dump_core(s.control, 1, folder.file());
    REQUIRE(done);
    CHECK(done->pages == s.domain().pages);
    auto found = sections(folder.file());
    CHECK(found.count(".xen_p2m") == 0);
    const auto list = words(found.at(".xen_pfn"));
    REQUIRE(list.size() == s.domain().pages);
    const std::set<std::uint64_t> frames(list.begin(), list.end());
    CHECK(frames.size() == list.size());
    for (const std::uint64_t frame : {std::uint64_t{0}, pages - 1, std::uint64_t{0xfc000}, std::uint64_t{0xfefff}})
        CHECK(frames.count(frame) == 1);
    const auto kernel = static_cast<std::size_t>(std::find(list.begin(), list.end(), 0x1000) - list.begin());
    CHECK(words(Bytes(found[".note.Xen"].begin() + 32, found[".note.Xen"].begin() + 40))[0] == 0xf00febee);
    CHECK(found[".xen_pages"].at(kernel << page_shift) == 0x90);
    CHECK(s.fake.held() == 0);
}

TEST_CASE("a guest that lies about its memory makes neither a crash nor a giant file") {
    constexpr std::uint64_t pages = 20 * mib_pages;
    const Folder folder;
    const auto attempt = [&](std::uint64_t root, std::uint64_t count, bool cyclic = false) {
        Scene s(false, pages);
        s.publish(pages);
        if (cyclic) // a list page that is its own list
            for (std::size_t i = 0; i < 512; ++i)
                s.poke(s.domain().machine_frame(pages - 1), i, s.domain().machine_frame(pages - 1));
        s.share(cyclic ? s.domain().machine_frame(pages - 1) : root, count);
        const auto done = dump_core(s.control, 1, folder.file());
        CHECK(s.fake.held() == 0);
        CHECK((!done || done->pages <= pages));
        return done ? "" : done.problem().text();
    };
    CHECK(attempt(0, pages).find("not published") != std::string::npos);
    CHECK(attempt(~0ULL, pages).find("not published") != std::string::npos);
    CHECK(attempt(1234, 0).find("not published") != std::string::npos);
    CHECK(attempt(1234, pages).empty()); // someone else's page: nothing is found
    CHECK(attempt(0, ~0ULL, true).empty());
}

TEST_CASE("a core that cannot be written leaves no file and keeps an older one") {
    constexpr std::uint64_t pages = 20 * mib_pages;
    Scene probe(true, pages);
    const Folder folder;
    const std::size_t before = probe.fake.steps().size();
    REQUIRE(dump_core(probe.control, 1, folder.file()));
    const std::size_t steps = probe.fake.steps().size() - before;
    std::ofstream(folder.file()) << "older";
    for (std::size_t n = 1; n <= steps; ++n) {
        Scene s(true, pages);
        s.fake.fail_step(n, EIO);
        const auto done = dump_core(s.control, 1, folder.file());
        INFO("step " << n);
        CHECK(s.fake.held() == 0);
        CHECK(folder.entries() == 1);
        if (!done) CHECK(std::filesystem::file_size(folder.file()) == 5);
        std::ofstream(folder.file()) << "older";
    }
    CHECK(dump_core(probe.control, 1, folder.path).problem().text().find("not a plain file") != std::string::npos);
    CHECK_FALSE(dump_core(probe.control, 1, folder.path + "/missing/core"));
    CHECK_FALSE(dump_core(probe.control, 7, folder.file()));
    int calls = 0;
    CHECK_FALSE(dump_core(probe.control, 1, folder.file(), [&](auto, auto) { return ++calls < 3; }));
    CHECK(calls == 3);
    CHECK(folder.entries() == 1);
}
