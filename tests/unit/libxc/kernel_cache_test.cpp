// SPDX-License-Identifier: MIT
// Expanded kernels that are kept: found again, never for another file, and never more than there is room for.
#include "build/kernel_cache.hpp"

#include <catch2/catch.hpp>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>

#include "packed.hpp"
#include "sample_kernel.hpp"

using namespace hospes;
using namespace hospes::xc;
using sample::Bytes;
namespace fs = std::filesystem;

namespace {

struct Folder {
    fs::path path;
    Folder() {
        std::string name = (fs::temp_directory_path() / "hospes-kernels-XXXXXX").string();
        REQUIRE(::mkdtemp(name.data()));
        path = name;
    }
    ~Folder() { fs::remove_all(path); }
    [[nodiscard]] std::vector<fs::path> kept() const {
        std::vector<fs::path> files;
        if (fs::exists(path / "kept"))
            for (const auto& entry : fs::directory_iterator(path / "kept"))
                files.push_back(entry.path());
        return files;
    }
};

void put(const fs::path& file, const Bytes& bytes) {
    std::ofstream out(file, std::ios::binary);
    out.write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
}

Result<Bytes> image_of(const KernelCache& cache, const fs::path& file) {
    const Content kernel = HOSPES_TRY(Content::open(file, 1U << 30));
    return HOSPES_TRY(cache.image(kernel, kernel, Compression::gzip, 1U << 20, "k")).all();
}

} // namespace

TEST_CASE("an expanded kernel is kept and found again") {
    const Folder folder;
    const fs::path kernel = folder.path / "vmlinuz";
    const Bytes plain = sample::elf();
    put(kernel, sample::gzip(plain));
    const KernelCache cache(folder.path / "kept", 1U << 20, 0);
    REQUIRE(*image_of(cache, kernel) == plain);
    REQUIRE(folder.kept().size() == 1);
    const fs::path kept = folder.kept()[0];
    CHECK((fs::status(kept).permissions() & fs::perms::others_all) == fs::perms::none);
    const Bytes marked(100, 0x5a); // only what is kept can be this
    put(kept, marked);
    CHECK(*image_of(cache, kernel) == marked);
    SECTION("but not for a kernel that was written anew") {
        put(kernel, sample::gzip(plain));
        const timespec times[2] = {{}, {12345, 678}};
        REQUIRE(::utimensat(AT_FDCWD, kernel.c_str(), times, 0) == 0);
        CHECK(*image_of(cache, kernel) == plain);
    }
    SECTION("nor when others may have written it") {
        fs::permissions(kept, fs::perms::group_write, fs::perm_options::add);
        CHECK(*image_of(cache, kernel) == plain);
    }
}

TEST_CASE("where an image is zero, what is kept has holes") {
    const Folder folder;
    Bytes plain = sample::elf();
    plain.resize(300000);
    plain.resize(400000, 0x5a);
    plain.resize(700000);
    put(folder.path / "vmlinuz", sample::gzip(plain));
    const Content kernel = *Content::open(folder.path / "vmlinuz", 1U << 20);
    const KernelCache cache(folder.path / "kept", 1U << 20, 0);
    const Content image = *cache.image(kernel, kernel, Compression::gzip, 1U << 20, "k");
    CHECK(*image.all() == plain);
    REQUIRE(folder.kept().size() == 1);
    struct stat info {};
    REQUIRE(::stat(folder.kept()[0].c_str(), &info) == 0);
    CHECK(info.st_blocks * 512 < 400000);
    for (std::uint64_t at = 0; at < image.size();) {
        const auto [begin, end] = image.data_from(at);
        CHECK(std::all_of(plain.begin() + static_cast<long>(at), plain.begin() + static_cast<long>(begin),
                          [](std::uint8_t byte) { return byte == 0; }));
        at = end;
    }
    const auto [begin, end] = image.part(100000, 250000).data_from(0);
    CHECK(begin > 0);
    CHECK(end == 250000); // as far as the part goes
    CHECK(image.data_from(700000).begin == 700000);
    fs::resize_file(folder.kept()[0], 650000);
    CHECK(image.data_from(500000).begin == 500000); // not a hole: reading it is the error that it has to be
}

TEST_CASE("a kernel that was changed a moment ago is expanded, but not kept") {
    const Folder folder;
    put(folder.path / "vmlinuz", sample::gzip(sample::elf()));
    CHECK(*image_of(KernelCache(folder.path / "kept", 1U << 20, 60), folder.path / "vmlinuz") == sample::elf());
    CHECK(folder.kept().empty());
}

TEST_CASE("where nothing can be kept, kernels are expanded all the same") {
    const Folder folder;
    put(folder.path / "vmlinuz", sample::gzip(sample::elf()));
    put(folder.path / "kept", {});
    CHECK(*image_of(KernelCache(folder.path / "kept", 1U << 20, 0), folder.path / "vmlinuz") == sample::elf());
    CHECK(*image_of(KernelCache("", 1U << 20, 0), folder.path / "vmlinuz") == sample::elf());
}

TEST_CASE("a damaged kernel leaves nothing") {
    const Folder folder;
    Bytes packed = sample::gzip(sample::elf());
    packed.resize(packed.size() / 2);
    put(folder.path / "vmlinuz", packed);
    const auto image = image_of(KernelCache(folder.path / "kept", 1U << 20, 0), folder.path / "vmlinuz");
    REQUIRE_FALSE(image);
    CHECK(image.problem().cause == "damaged data");
    CHECK(folder.kept().empty());
}

TEST_CASE("the kernel that was longest not wanted makes room") {
    const Folder folder;
    const Bytes plain = sample::elf();
    const KernelCache cache(folder.path / "kept", 2 * plain.size(), 0);
    for (const char* name : {"a", "b"}) {
        put(folder.path / name, sample::gzip(plain));
        REQUIRE(image_of(cache, folder.path / name));
    }
    REQUIRE(folder.kept().size() == 2);
    const fs::path old = folder.kept()[1];
    fs::last_write_time(old, fs::last_write_time(old) - std::chrono::hours(1));
    put(folder.path / "c", sample::gzip(plain));
    REQUIRE(image_of(cache, folder.path / "c"));
    CHECK(folder.kept().size() == 2);
    CHECK_FALSE(fs::exists(old));
}

TEST_CASE("a file that becomes shorter while it is read is an error, not a crash") {
    const Folder folder;
    put(folder.path / "f", Bytes(10000, 1));
    const auto content = Content::open(folder.path / "f", 1U << 20);
    REQUIRE(content);
    CHECK_FALSE(Content::open(folder.path / "f", 9999));
    CHECK_FALSE(Content::open(folder.path, 1U << 20));
    fs::resize_file(folder.path / "f", 5000);
    Bytes bytes(6000);
    const Status read = content->read(0, bytes);
    REQUIRE_FALSE(read);
    CHECK(read.problem().cause == "it has become shorter");
    CHECK(content->read(0, std::span(bytes).first(5000)));
    CHECK_FALSE(content->read(9000, bytes));
}
