// SPDX-License-Identifier: MIT
// Decoding of privileged instructions, and who may touch which I/O port.
#include <catch2/catch.hpp>

#include <algorithm>
#include <cstring>
#include <vector>

#include "core/hypercall/guest_ptr.hpp"
#include "drivers/pci/pci.hpp"
#include "machine.hpp"
#include "pv/emul.hpp"
#include "pv/pv.hpp"

using namespace hv;

namespace {
u32 pci_reads, last_cf8, injected_faults;
}

namespace hv {
u32 pci_conf1_read(u32 cf8, u32, u32) {
    ++pci_reads;
    last_cf8 = cf8;
    return 0x12345678;
}
void pci_conf1_write(u32, u32, u32, u32) {}
void pv_inject_page_fault(UserRegs&, u64, u32) { ++injected_faults; }
} // namespace hv

namespace {

/// Guest memory [base, base + bytes.size()); everything else faults.
struct Memory {
    u64 base;
    std::vector<u8> bytes;
    Memory(u64 at, std::vector<u8> content) : base(at), bytes(std::move(content)) {
        auto inside = [this](u64 a, usize n) { return a >= base && a + n <= base + bytes.size() && a + n >= a; };
        hvtest::machine.guest_read = [this, inside](u64 a, void* to, usize n) {
            return inside(a, n) && std::memcpy(to, &bytes[a - base], n);
        };
        hvtest::machine.guest_write = [this, inside](u64 a, const void* from, usize n) {
            return inside(a, n) && std::memcpy(&bytes[a - base], from, n);
        };
    }
    ~Memory() { hvtest::machine.guest_read = {}, hvtest::machine.guest_write = {}; }
};

/// The rest of the page behind the code is mapped.
bool fetch(std::vector<u8> code, Insn& insn, u64 at = 0x401000) {
    if (code.size() < page_size - at % page_size) code.resize(std::min<usize>(16, page_size - at % page_size), 0x90);
    const Memory memory(at, std::move(code));
    UserRegs regs{};
    regs.rip = at;
    regs.cs = flat_cs64;
    return insn_fetch(regs, insn);
}

struct GuestDomain {
    Domain& domain = hvtest::new_domain(7);
    PvVcpu& pv = domain.vcpus[0]->arch.pv;
    UserRegs regs{};
    ~GuestDomain() { hvtest::end_domain(domain); }
    /// Runs one I/O instruction given without prefixes.
    bool run(std::vector<u8> code, Insn insn = {}) {
        std::memcpy(insn.bytes, code.data(), code.size());
        insn.fetched = static_cast<u8>(code.size());
        const u8 opcode = insn.next();
        return emulate_io(regs, insn, opcode);
    }
};

} // namespace

TEST_CASE("prefixes are consumed and remembered", "[emul]") {
    Insn insn;
    REQUIRE(fetch({0xf3, 0x66, 0x6c, 0x90}, insn));
    CHECK(insn.rep);
    CHECK(insn.operand16);
    CHECK(insn.length == 2);
    Insn rex;
    REQUIRE(fetch({0x65, 0x4d, 0x0f, 0x20, 0xc0}, rex));
    CHECK(rex.segment == 0x65);
    CHECK((rex.rex_w && rex.rex_r && rex.rex_b));
    CHECK(rex.next() == 0x0f);
}

TEST_CASE("an instruction of nothing but prefixes is refused", "[emul]") {
    Insn insn;
    CHECK_FALSE(fetch(std::vector<u8>(15, 0x66), insn));
    CHECK(insn.length <= sizeof(insn.bytes));
}

TEST_CASE("an instruction at the end of the mapped memory is read as far as it goes", "[emul]") {
    Insn insn;
    REQUIRE(fetch({0xec}, insn, 0x401fff));
    CHECK(insn.fetched == 1);
    CHECK_FALSE(insn.has(2));
    Insn crossing;
    REQUIRE(fetch({0xe4, 0x71, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}, crossing, 0x401fff));
    CHECK(crossing.fetched == 15);
}

TEST_CASE("a REX prefix is no prefix in 32-bit code", "[emul]") {
    const Memory memory(0x1000, {0x40, 0xec, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0});
    UserRegs regs{};
    regs.rip = 0x1000;
    regs.cs = flat_cs32;
    Insn insn;
    REQUIRE(insn_fetch(regs, insn));
    CHECK(insn.next() == 0x40);
}

TEST_CASE("ModRM register numbers follow the architecture", "[emul]") {
    UserRegs regs{};
    insn_register(regs, 0) = 10, insn_register(regs, 1) = 11, insn_register(regs, 3) = 13, insn_register(regs, 4) = 14;
    insn_register(regs, 12) = 22;
    CHECK(regs.rax == 10);
    CHECK(regs.rcx == 11);
    CHECK(regs.rbx == 13);
    CHECK(regs.rsp == 14);
    CHECK(regs.r12 == 22);
}

TEST_CASE("ports need IOPL 1 in the kernel and 3 in user mode", "[emul][io]") {
    GuestDomain guest;
    guest.regs.rdx = 0x60;
    for (u32 iopl = 0; iopl < 4; ++iopl) {
        guest.pv.iopl = iopl;
        guest.pv.kernel_mode = true;
        CHECK(guest.run({0xec}) == (iopl >= 1));
        guest.pv.kernel_mode = false;
        CHECK(guest.run({0xec}) == (iopl >= 3));
    }
}

TEST_CASE("the I/O bitmap opens single ports to user mode", "[emul][io]") {
    GuestDomain guest;
    std::vector<u8> map(32, 0xff);
    map[0x60 / 8] = 0xfe;             // 0x60 only
    map[0x8] = 0x7f, map[0x9] = 0xfe; // 0x47 and 0x48
    const Memory memory(0x5000, map);
    guest.pv.kernel_mode = false;
    guest.pv.iobmp = 0x5000;
    guest.pv.iobmp_limit = 256;
    auto in = [&](u16 port, u8 opcode) {
        guest.regs.rdx = port;
        Insn insn;
        insn.operand16 = opcode == 0xed;
        return guest.run({opcode}, insn);
    };
    CHECK(in(0x60, 0xec));
    CHECK_FALSE(in(0x61, 0xec));
    CHECK_FALSE(in(0x60, 0xed)); // the second port is closed
    CHECK(in(0x47, 0xed));       // crosses a byte of the map
    CHECK_FALSE(in(0x48, 0xed));
    CHECK_FALSE(in(0xff, 0xed)); // ends behind the map
    guest.pv.iobmp_limit = 0x60;
    CHECK_FALSE(in(0x60, 0xec));
}

TEST_CASE("ports of others read as ones and keep the rest of RAX", "[emul][io]") {
    GuestDomain guest;
    guest.pv.iopl = 1;
    guest.regs.rdx = 0x3f8;
    guest.regs.rax = 0x1122334455667788;
    REQUIRE(guest.run({0xec}));
    CHECK(guest.regs.rax == 0x11223344556677ff);
    CHECK(guest.regs.rip == 1);
    Insn word;
    word.operand16 = true;
    REQUIRE(guest.run({0xed}, word));
    CHECK(guest.regs.rax == 0x112233445566ffff);
    REQUIRE(guest.run({0xed}));
    CHECK(guest.regs.rax == 0xffffffff);
    REQUIRE(guest.run({0xe6, 0x80})); // OUT to a port that is not ours: dropped
}

TEST_CASE("the PCI address port is each domain's own", "[emul][io]") {
    GuestDomain guest;
    guest.pv.iopl = 1;
    guest.regs.rdx = 0xcf8;
    guest.regs.rax = 0x80001234;
    REQUIRE(guest.run({0xef}));
    guest.regs.rax = 0;
    REQUIRE(guest.run({0xed}));
    CHECK(guest.regs.rax == 0x80001234);
    guest.regs.rdx = 0xcfc;
    pci_reads = 0;
    REQUIRE(guest.run({0xed}));
    CHECK(guest.regs.rax == 0xffffffff);
    CHECK(pci_reads == 0);
    guest.domain.is_hardware = true;
    REQUIRE(guest.run({0xed}));
    CHECK(guest.regs.rax == 0x12345678);
    CHECK(last_cf8 == 0x80001234);
}

TEST_CASE("string input stops at a page that faults", "[emul][io]") {
    GuestDomain guest;
    Memory memory(0x5000, std::vector<u8>(4));
    guest.pv.iopl = 1;
    guest.regs.rdx = 0x1f0;
    guest.regs.rdi = 0x5000;
    guest.regs.rcx = 6;
    guest.regs.rip = 0x100;
    injected_faults = 0;
    Insn insn;
    insn.rep = true;
    REQUIRE(guest.run({0x6c}, insn));
    CHECK(injected_faults == 1);
    CHECK(guest.regs.rcx == 2);
    CHECK(guest.regs.rdi == 0x5004);
    CHECK(guest.regs.rip == 0x100);
    CHECK(memory.bytes == std::vector<u8>(4, 0xff));
}

TEST_CASE("string output runs backwards with DF and ends behind the instruction", "[emul][io]") {
    GuestDomain guest;
    const Memory memory(0x5000, std::vector<u8>(8));
    guest.pv.iopl = 1;
    guest.regs.rsi = 0x5004;
    guest.regs.rcx = 2;
    guest.regs.rflags = 0x400;
    Insn insn;
    insn.rep = true;
    REQUIRE(guest.run({0x6f}, insn));
    CHECK(guest.regs.rcx == 0);
    CHECK(guest.regs.rsi == 0x4ffc);
    CHECK(guest.regs.rip == 1);
}
