// SPDX-License-Identifier: MIT
// The write emulator against the CPU itself: every form, random operands, all results and flags compared.
#include <sys/mman.h>

#include <catch2/catch.hpp>
#include <cstring>
#include <random>
#include <vector>

#include "pv/write_decode.hpp"

using namespace hv;

namespace {

/// The instruction at `code`, `size` bytes readable.
bool emulate(const u8* code, usize size, UserRegs& regs, u64& memory, unsigned offset) {
    Insn insn{};
    insn.fetched = static_cast<u8>(size < Insn::max_length ? size : Insn::max_length);
    if (size) std::memcpy(insn.bytes, code, insn.fetched);
    return insn_prefixes(insn, true) && emulate_write(insn, regs, memory, offset);
}

constexpr u64 arithmetic = 1 | 4 | 16 | 64 | 128 | 2048;

/// Executable memory: loads rax, rcx, rdx, rsi and flags from the block at rdi, runs the instruction with its memory
/// operand at [rbx], stores everything back.
class Native {
  public:
    struct Block {
        u64 rax, rcx, rdx, rsi, flags, memory;
    };
    Native()
        : code_(static_cast<u8*>(
              mmap(nullptr, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0))) {}
    Native(const Native&) = delete;
    Native& operator=(const Native&) = delete;
    ~Native() { munmap(code_, 4096); }
    void run(const std::vector<u8>& instruction, unsigned offset, Block& block) {
        const u8 off = static_cast<u8>(0x28 + offset);
        std::vector<u8> c = {0x53, 0x57,                                     // push rbx, rdi
                             0x48, 0x8d, 0x5f, off,                          // lea rbx, [rdi+40+offset]
                             0x48, 0x8b, 0x07, 0x48, 0x8b, 0x4f, 0x08,       // mov rax, [rdi]; rcx, [rdi+8]
                             0x48, 0x8b, 0x57, 0x10, 0x48, 0x8b, 0x77, 0x18, // rdx, rsi
                             0xff, 0x77, 0x20, 0x9d};                        // push [rdi+32]; popfq
        c.insert(c.end(), instruction.begin(), instruction.end());
        const u8 tail[] = {0x9c, 0x5b, 0x5f, // pushfq; pop rbx; pop rdi
                           0x48, 0x89, 0x07, 0x48, 0x89, 0x4f, 0x08, 0x48, 0x89, 0x57, 0x10,
                           0x48, 0x89, 0x77, 0x18, 0x48, 0x89, 0x5f, 0x20, 0x5b, 0xc3};
        c.insert(c.end(), tail, tail + sizeof(tail));
        std::memcpy(code_, c.data(), c.size());
        reinterpret_cast<void (*)(Block*)>(code_)(&block);
    }

  private:
    u8* code_;
};

struct Form {
    const char* name;
    std::vector<u8> opcode;
    int extension;      // ModRM.reg, or -1: a register
    unsigned immediate; // bytes at operand size; 0 none, 99: operand size
    bool byte;
    u64 undefined_flags = 0;
};

const Form forms[] = {
    {"mov r8", {0x88}, -1, 0, true},
    {"mov r", {0x89}, -1, 0, false},
    {"mov imm8", {0xc6}, 0, 1, true},
    {"mov imm", {0xc7}, 0, 99, false},
    {"xchg r8", {0x86}, -1, 0, true},
    {"xchg r", {0x87}, -1, 0, false},
    {"cmpxchg r8", {0x0f, 0xb0}, -1, 0, true},
    {"cmpxchg r", {0x0f, 0xb1}, -1, 0, false},
    {"xadd r8", {0x0f, 0xc0}, -1, 0, true},
    {"xadd r", {0x0f, 0xc1}, -1, 0, false},
    {"add r8", {0x00}, -1, 0, true},
    {"add r", {0x01}, -1, 0, false},
    {"or r", {0x09}, -1, 0, false, 16},
    {"or r8", {0x08}, -1, 0, true, 16},
    {"adc r", {0x11}, -1, 0, false},
    {"adc r8", {0x10}, -1, 0, true},
    {"sbb r", {0x19}, -1, 0, false},
    {"sbb r8", {0x18}, -1, 0, true},
    {"and r", {0x21}, -1, 0, false, 16},
    {"and r8", {0x20}, -1, 0, true, 16},
    {"sub r", {0x29}, -1, 0, false},
    {"xor r", {0x31}, -1, 0, false, 16},
    {"add imm8s", {0x83}, 0, 1, false},
    {"or imm", {0x81}, 1, 99, false, 16},
    {"and imm8", {0x80}, 4, 1, true, 16},
    {"and imm8s", {0x83}, 4, 1, false, 16},
    {"sub imm", {0x81}, 5, 99, false},
    {"xor imm8s", {0x83}, 6, 1, false, 16},
    {"inc8", {0xfe}, 0, 0, true},
    {"dec8", {0xfe}, 1, 0, true},
    {"inc", {0xff}, 0, 0, false},
    {"dec", {0xff}, 1, 0, false},
    {"not8", {0xf6}, 2, 0, true},
    {"not", {0xf7}, 2, 0, false},
    {"neg8", {0xf6}, 3, 0, true},
    {"neg", {0xf7}, 3, 0, false},
    {"bts imm", {0x0f, 0xba}, 5, 1, false, arithmetic & ~u64{1}},
    {"btr imm", {0x0f, 0xba}, 6, 1, false, arithmetic & ~u64{1}},
    {"btc imm", {0x0f, 0xba}, 7, 1, false, arithmetic & ~u64{1}},
};

/// Flags the CPU leaves alone must stay; those it leaves undefined are not compared.
u64 keep(u64 flags, const Form& form) { return flags & arithmetic & ~form.undefined_flags; }

} // namespace

TEST_CASE("emulated writes do what the CPU does") {
    Native native;
    std::mt19937_64 random(3);
    for (const Form& form : forms)
        for (unsigned width : {1U, 2U, 4U, 8U}) {
            if ((width == 1) != form.byte) continue;
            for (int round = 0; round < 200; ++round) {
                std::vector<u8> code;
                const unsigned reg = static_cast<unsigned>(random() % 4 == 3 ? 6 : random() % 3);
                const bool rex = width == 8 || (form.byte && random() % 2);
                if (random() % 4 == 0) code.push_back(0x3e);
                if (width == 2) code.push_back(0x66);
                if (rex) code.push_back(width == 8 ? 0x48 : 0x40);
                code.insert(code.end(), form.opcode.begin(), form.opcode.end());
                code.push_back(
                    static_cast<u8>((form.extension >= 0 ? form.extension : static_cast<int>(reg)) << 3 | 3));
                const unsigned immediate = form.immediate == 99 ? (width == 8 ? 4 : width) : form.immediate;
                for (unsigned i = 0; i < immediate; ++i)
                    code.push_back(static_cast<u8>(random()));
                const unsigned offset = static_cast<unsigned>(random() % (9 - width));
                Native::Block block{random(), random(), random(), random(), (random() & arithmetic) | 0x202, random()};
                if (form.opcode.back() == 0xb1 && random() % 2) block.rax = block.memory >> (8 * offset);
                UserRegs regs{};
                regs.rax = block.rax, regs.rcx = block.rcx, regs.rdx = block.rdx, regs.rsi = block.rsi;
                regs.rflags = block.flags;
                regs.rip = 1000;
                // The CPU's rdx as dh (reg 6 without REX) is fine; rbx and rsp as operands are not generated.
                u64 memory = block.memory;
                native.run(code, offset, block);
                INFO(form.name << " width " << width << " offset " << offset << " reg " << reg << " rex " << rex);
                REQUIRE(emulate(code.data(), code.size(), regs, memory, offset));
                CHECK(regs.rip == 1000 + code.size());
                CHECK(memory == block.memory);
                CHECK(regs.rax == block.rax);
                CHECK(regs.rcx == block.rcx);
                CHECK(regs.rdx == block.rdx);
                CHECK(regs.rsi == block.rsi);
                CHECK(keep(regs.rflags, form) == keep(block.flags, form));
            }
        }
}

TEST_CASE("lock prefix, addressing forms and bit operations by register") {
    struct Case {
        std::vector<u8> code;
        u64 before, after;
    };
    const Case cases[] = {
        {{0xf0, 0x48, 0x87, 0x04, 0x25, 1, 2, 3, 4}, 7, 0x1111}, // xchg [disp32], rax
        {{0x48, 0x89, 0x84, 0xcb, 1, 2, 3, 4}, 7, 0x1111},       // mov [rbx+rcx*8+disp32], rax
        {{0x48, 0x89, 0x05, 1, 2, 3, 4}, 7, 0x1111},             // mov [rip+disp32], rax
        {{0x48, 0x89, 0x45, 8}, 7, 0x1111},                      // mov [rbp+8], rax
        {{0xf0, 0x48, 0x0f, 0xb3, 0x07}, 0x30000, 0x10000},      // btr [rdi], rax: bit 0x1111 % 64 = 17
        {{0xf0, 0x80, 0x27, 0xfd}, 0xff, 0xfd},                  // lock and byte [rdi], ~2
        {{0xf0, 0x48, 0x0f, 0xba, 0x37, 0x01}, 0x67, 0x65},      // lock btr qword [rdi], 1
    };
    for (const Case& c : cases) {
        UserRegs regs{};
        regs.rax = 0x1111;
        u64 memory = c.before;
        REQUIRE(emulate(c.code.data(), c.code.size(), regs, memory, 0));
        CHECK(memory == c.after);
        CHECK(regs.rip == c.code.size());
    }
}

TEST_CASE("everything else is refused and changes nothing") {
    const std::vector<u8> refused[] = {
        {}, // nothing readable
        {0x48},
        {0x48, 0x89},          // cut short
        {0x48, 0x89, 0x84},    // displacement missing
        {0xc7, 0x07, 1, 2, 3}, // immediate cut short
        {0x48, 0x89, 0xc3},    // register form
        {0x48, 0x8b, 0x07},    // a load
        {0x83, 0x3f, 0x01},
        {0x39, 0x07},             // compares do not write
        {0x0f, 0xba, 0x27, 0x01}, // bt
        {0xc7, 0x0f, 1, 2, 3, 4},
        {0xff, 0x17},
        {0xf6, 0x07, 1},
        {0x0f, 0xc7, 0x0f},
        {0xa4},
        {0x0f, 0x11, 0x07},
        {0xf4},
        {0x0f},
        {0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x89, 0x07},
    };
    for (const std::vector<u8>& code : refused) {
        UserRegs regs{};
        u64 memory = 0x1234;
        CHECK_FALSE(emulate(code.data(), code.size(), regs, memory, 0));
        CHECK(memory == 0x1234);
        CHECK(regs.rip == 0);
    }
    UserRegs regs{};
    u64 memory = 5;
    const u8 straddling[] = {0x48, 0x89, 0x07};
    CHECK_FALSE(emulate(straddling, 3, regs, memory, 4));
    CHECK(memory == 5);
    std::mt19937 random(9);
    for (int i = 0; i < 200000; ++i) { // no byte sequence may run out of bounds
        u8 code[15];
        for (u8& byte : code)
            byte = static_cast<u8>(random());
        UserRegs any{};
        u64 word = random();
        static_cast<void>(emulate(code, random() % 16, any, word, random() % 8));
    }
}
