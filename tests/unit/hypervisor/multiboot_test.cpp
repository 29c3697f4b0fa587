// SPDX-License-Identifier: MIT
#include "boot/multiboot.hpp"

#include <cstring>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include <catch2/catch.hpp>

using hv::BootInfo;
using hv::BootMemory;
using hv::BootText;
using hv::u32;
using hv::u64;
using hv::u8;

namespace {

struct Machine {
    std::vector<u8> ram = std::vector<u8>(0x10000);
    std::unique_ptr<BootText> text = std::make_unique<BootText>();
    std::unique_ptr<BootInfo> info = std::make_unique<BootInfo>();
    template <typename T> void put(u64 at, const T& value) {
        memcpy(&ram.at(at + sizeof(T) - 1) - sizeof(T) + 1, &value, sizeof(T));
    }
    void put_text(u64 at, const std::string& s) { memcpy(&ram.at(at), s.c_str(), s.size() + 1); }
    const char* parse(u32 magic, u64 at) {
        *text = {};
        *info = {};
        return hv::multiboot_parse(magic, at, BootMemory{ram.data(), ram.size()}, *text, *info);
    }
};

struct [[gnu::packed]] Range1 {
    u32 size;
    u64 address, length;
    u32 type;
};

/// Information at 0x100: command line, loader, one module, two ranges.
void fill_mb1(Machine& m, const char* loader = "qemu") {
    const u32 flags = 1 | 4 | 8 | 64 | 512;
    const u32 words[] = {flags,  639, 0x7fc00, 0, 0x1000, 1, 0x2000, 0, 0, 0, 0, 2 * sizeof(Range1),
                         0x3000, 0,   0,       0, 0x4000};
    m.put(0x100, words);
    m.put_text(0x1000, "/boot/hospes console=com1 loglvl=all");
    const u32 module[] = {0x200000, 0x300000, 0x5000, 0};
    m.put(0x2000, module);
    m.put_text(0x5000, "vmlinuz root=/dev/sda");
    m.put(0x3000, Range1{20, 0, 0x9fc00, 1});
    m.put(0x3000 + sizeof(Range1), Range1{20, 0x100000, 0x1ff00000, 1});
    m.put_text(0x4000, loader);
}

class Mb2 {
  public:
    Mb2(Machine& m, u64 at) : m_(m), start_(at), at_(at + 8) {}
    void tag(u32 type, const std::vector<u8>& body) {
        m_.put(at_, type);
        m_.put(at_ + 4, static_cast<u32>(8 + body.size()));
        std::copy(body.begin(), body.end(), m_.ram.begin() + static_cast<long>(at_ + 8));
        at_ = hv::align_up(at_ + 8 + body.size(), 8);
    }
    template <typename T> static std::vector<u8> bytes(const T& value) {
        std::vector<u8> out(sizeof(T));
        memcpy(out.data(), &value, sizeof(T));
        return out;
    }
    static std::vector<u8> text(const std::string& s) { return {s.c_str(), s.c_str() + s.size() + 1}; }
    void end() {
        tag(0, {});
        m_.put(start_, static_cast<u32>(at_ - start_));
    }

  private:
    Machine& m_;
    u64 start_, at_;
};

struct Map2 {
    u32 entry_size = 24, version = 0;
    struct [[gnu::packed]] Entry {
        u64 address, length;
        u32 type, zero;
    } entries[2] = {{0, 0xa0000, 1, 0}, {0x100000, 0x3ff00000, 1, 0}};
};

void fill_mb2(Machine& m) {
    Mb2 b(m, 0x200);
    b.tag(1, Mb2::text("console=com1 a=b"));
    b.tag(2, Mb2::text("GRUB 2.06-13"));
    auto module = Mb2::bytes(std::pair<u32, u32>(0x400000, 0x500000));
    for (char c : std::string("placeholder ro"))
        module.push_back(static_cast<u8>(c));
    module.push_back(0);
    b.tag(3, module);
    b.tag(6, Mb2::bytes(Map2{}));
    b.tag(14, std::vector<u8>(20, 'o'));
    b.tag(15, std::vector<u8>(36, 'n'));
    b.end();
}

} // namespace

TEST_CASE("multiboot 1: a good loader") {
    Machine m;
    fill_mb1(m);
    REQUIRE(m.parse(hv::multiboot1_magic, 0x100) == nullptr);
    CHECK(std::string(m.info->cmdline) == "console=com1 loglvl=all");
    CHECK(std::string(m.info->loader_name) == "qemu");
    REQUIRE(m.info->module_count == 1);
    CHECK(m.info->modules[0].start == 0x200000);
    CHECK(m.info->modules[0].size == 0x100000);
    CHECK(std::string(m.info->modules[0].cmdline) == "root=/dev/sda");
    REQUIRE(m.info->memory_count == 2);
    CHECK(m.info->memory[1].size == 0x1ff00000);
    fill_mb1(m, "GRUB 2.06");
    REQUIRE(m.parse(hv::multiboot1_magic, 0x100) == nullptr);
    CHECK(std::string(m.info->cmdline) == "/boot/hospes console=com1 loglvl=all");
}

TEST_CASE("multiboot 1: what is wrong is named") {
    Machine m;
    fill_mb1(m);
    CHECK(m.parse(0x12345678, 0x100) != nullptr);
    CHECK(m.parse(hv::multiboot1_magic, 0xfff0) != nullptr);
    CHECK(m.parse(hv::multiboot1_magic, 0) != nullptr);
    m.put(0x100 + 16, u32{0xfffffff0}); // command line out of reach
    CHECK(m.parse(hv::multiboot1_magic, 0x100) != nullptr);
    fill_mb1(m);
    m.put(0x100 + 20, u32{1000}); // more modules than fit
    CHECK(m.parse(hv::multiboot1_magic, 0x100) != nullptr);
    fill_mb1(m);
    m.put(0x2000 + 4, u32{0x100}); // ends before it starts
    CHECK(m.parse(hv::multiboot1_magic, 0x100) != nullptr);
    fill_mb1(m);
    m.put(0x2000, u32{0x90000000}); // not in memory
    m.put(0x2004, u32{0x90001000});
    CHECK(m.parse(hv::multiboot1_magic, 0x100) != nullptr);
    fill_mb1(m);
    m.put(0x3000, u32{0}); // a range of no size would never end
    CHECK(m.parse(hv::multiboot1_magic, 0x100) != nullptr);
    fill_mb1(m);
    m.put(0x100 + 44, ~u32{0}); // map longer than memory
    CHECK(m.parse(hv::multiboot1_magic, 0x100) != nullptr);
    fill_mb1(m);
    m.put(0x100, u32{0});
    CHECK(m.parse(hv::multiboot1_magic, 0x100) != nullptr);
    m.put(0x100, u32{1}); // only mem_lower/upper
    REQUIRE(m.parse(hv::multiboot1_magic, 0x100) == nullptr);
    CHECK(m.info->memory[1].size == u64{0x7fc00} << 10);
}

TEST_CASE("multiboot 2: a good loader") {
    Machine m;
    fill_mb2(m);
    REQUIRE(m.parse(hv::multiboot2_magic, 0x200) == nullptr);
    CHECK(std::string(m.info->cmdline) == "console=com1 a=b");
    CHECK(std::string(m.info->modules[0].cmdline) == "placeholder ro");
    CHECK(m.info->modules[0].size == 0x100000);
    CHECK(m.info->memory_count == 2);
    CHECK(m.text->has_rsdp);
    CHECK(m.text->rsdp[0] == 'n');
    CHECK_FALSE(m.info->efi);
}

TEST_CASE("multiboot 2: EFI's memory map stands in for a missing one") {
    struct {
        u32 size = 48, version = 1;
        struct {
            u32 type, pad;
            u64 physical, virt, pages, attributes, extra;
        } entries[3] = {
            {7, 0, 0x100000, 0, 0x1000, 8, 0}, {6, 0, 0x1100000, 0, 1, 8, 0}, {9, 0, 0x1200000, 0, 2, 8, 0}};
    } map;
    Machine m;
    Mb2 b(m, 0x200);
    b.tag(17, Mb2::bytes(map));
    b.tag(12, Mb2::bytes(u64{0x1234}));
    b.end();
    REQUIRE(m.parse(hv::multiboot2_magic, 0x200) == nullptr);
    CHECK(m.info->efi);
    CHECK(m.info->efi_system_table == 0x1234);
    REQUIRE(m.info->memory_count == 3);
    CHECK(m.info->memory[0].type == 1);
    CHECK(m.info->memory[1].type == 2);
    CHECK(m.info->memory[2].type == 3);
}

TEST_CASE("multiboot 2: EFI's configuration tables are read only behind the right signature") {
    Machine m;
    Mb2 b(m, 0x200);
    b.tag(6, Mb2::bytes(Map2{}));
    b.tag(12, Mb2::bytes(u64{0x8000}));
    b.end();
    m.put(0x8000, u64{0x5453595320494249});
    m.put(0x8008, u32{0x20046});
    m.put(0x8000 + 104, u64{7});
    m.put(0x8000 + 112, u64{0x7f000000});
    REQUIRE(m.parse(hv::multiboot2_magic, 0x200) == nullptr);
    CHECK(m.info->efi_tables == 0x7f000000);
    CHECK(m.info->efi_table_count == 7);
    CHECK(m.info->efi_revision == 0x20046);
    m.put(0x8000, u64{1});
    REQUIRE(m.parse(hv::multiboot2_magic, 0x200) == nullptr);
    CHECK(m.info->efi_tables == 0);
    Machine far;
    Mb2 c(far, 0x200);
    c.tag(6, Mb2::bytes(Map2{}));
    c.tag(12, Mb2::bytes(u64{0xffff0000}));
    c.end();
    REQUIRE(far.parse(hv::multiboot2_magic, 0x200) == nullptr);
    CHECK(far.info->efi_tables == 0);
}

TEST_CASE("multiboot 2: broken tag lists end in a message") {
    Machine m;
    fill_mb2(m);
    for (u32 size : {0U, 4U, 7U, 0x7fffffffU, ~0U}) {
        Machine bad;
        bad.ram = m.ram;
        bad.put(0x200 + 12, size);
        CHECK(bad.parse(hv::multiboot2_magic, 0x200) != nullptr);
    }
    m.put(0x200, u32{24}); // the end tag is cut off
    CHECK(m.parse(hv::multiboot2_magic, 0x200) != nullptr);
    m.put(0x200, ~u32{0});
    CHECK(m.parse(hv::multiboot2_magic, 0x200) != nullptr);
}

TEST_CASE("multiboot: random damage never reads outside (run under ASan)") {
    std::mt19937 random(20261122);
    Machine good1, good2;
    fill_mb1(good1);
    fill_mb2(good2);
    for (int round = 0; round < 20000; ++round) {
        Machine m;
        const bool first = round & 1;
        m.ram = first ? good1.ram : good2.ram;
        for (int hits = 1 + static_cast<int>(random() % 6); hits-- > 0;) {
            const u64 at = first ? 0x100 + random() % 0x50 : 0x200 + random() % 0x100;
            m.ram[at] = static_cast<u8>(random() & 1 ? random() : (random() & 1 ? 0xff : 0));
        }
        if (!m.parse(first ? hv::multiboot1_magic : hv::multiboot2_magic, first ? 0x100 : 0x200))
            for (u32 i = 0; i < m.info->module_count; ++i)
                REQUIRE(hv::e820_is_ram(m.info->memory, m.info->memory_count, m.info->modules[i].start,
                                        m.info->modules[i].size));
    }
}

TEST_CASE("e820: sorted, disjoint, the stricter type wins") {
    hv::E820Entry map[256] = {{0x5000, 0x1000, 1},    {0x1000, 0x3000, 1}, {0x2000, 0x1000, 2}, {0x8000, 0, 1},
                              {~u64{0} - 10, 100, 1}, {0x4000, 0x1000, 1}, {0x9000, 0x1000, 0}};
    u32 count = 7;
    hv::e820_sanitise(map, count);
    REQUIRE(count == 3);
    CHECK((map[0].address == 0x1000 && map[0].size == 0x1000 && map[0].type == 1));
    CHECK((map[1].address == 0x2000 && map[1].size == 0x1000 && map[1].type == 2));
    CHECK((map[2].address == 0x3000 && map[2].size == 0x3000 && map[2].type == 1));
    CHECK(hv::e820_is_ram(map, count, 0x3000, 0x3000));
    CHECK_FALSE(hv::e820_is_ram(map, count, 0x1000, 0x2000));
    CHECK_FALSE(hv::e820_is_ram(map, count, 0x5fff, ~u64{0}));
}
