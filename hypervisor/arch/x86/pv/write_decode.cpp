// SPDX-License-Identifier: MIT
#include "pv/write_decode.hpp"

namespace hv {

namespace {

struct Flag {
    static constexpr u64 cf = 1, pf = 4, af = 16, zf = 64, sf = 128, of = 2048,
                         arithmetic = cf | pf | af | zf | sf | of;
};

struct Decoder {
    Insn insn;
    bool ok = true;
    unsigned reg = 0; // ModRM.reg with REX.R

    u8 next() {
        ok = ok && insn.has(1);
        return ok ? insn.next() : u8{0};
    }
    /// A memory operand: only its length matters, the CPU told us the address.
    void modrm() {
        const u8 m = next();
        reg = ((m >> 3) & 7) | (insn.rex_r ? 8 : 0);
        const unsigned mod = m >> 6, rm = m & 7;
        ok = ok && mod != 3;
        unsigned displacement = mod == 1 ? 1 : mod == 2 ? 4 : 0;
        if (rm == 4) {
            const u8 sib = next();
            if (mod == 0 && (sib & 7) == 5) displacement = 4;
        } else if (mod == 0 && rm == 5) {
            displacement = 4;
        }
        ok = ok && insn.has(static_cast<u8>(displacement));
        insn.length = static_cast<u8>(insn.length + displacement);
    }
    [[nodiscard]] unsigned width() const { return insn.rex_w ? 8 : insn.operand16 ? 2 : 4; }
    u64 immediate(unsigned bytes) { // sign-extended
        u64 value = 0;
        for (unsigned i = 0; i < bytes; ++i)
            value |= u64{next()} << (8 * i);
        const unsigned unused = 64 - 8 * bytes;
        return static_cast<u64>(static_cast<s64>(value << unused) >> unused);
    }
};

/// One operand of `bytes` bytes.
struct Width {
    unsigned bytes;
    [[nodiscard]] u64 mask() const { return bytes == 8 ? ~u64{0} : (u64{1} << (8 * bytes)) - 1; }
    [[nodiscard]] u64 sign() const { return u64{1} << (8 * bytes - 1); }
};

u64 result_flags(u64 value, Width w) {
    return ((value & w.mask()) == 0 ? Flag::zf : 0) | ((value & w.sign()) ? Flag::sf : 0) |
           (__builtin_parity(static_cast<unsigned>(value & 0xff)) ? 0 : Flag::pf);
}

enum class Alu : u8 { add, or_, adc, sbb, and_, sub, xor_, cmp };

u64 alu(Alu op, u64 a, u64 b, Width w, u64& flags) {
    const u64 carry = (op == Alu::adc || op == Alu::sbb) ? flags & Flag::cf : 0;
    a &= w.mask();
    b &= w.mask();
    u64 r = 0, f = 0;
    switch (op) {
    case Alu::or_: r = a | b; break;
    case Alu::and_: r = a & b; break;
    case Alu::xor_: r = a ^ b; break;
    case Alu::add:
    case Alu::adc:
        r = (a + b + carry) & w.mask();
        f = (r < a || (carry && r == a) ? Flag::cf : 0) | (((a ^ r) & (b ^ r) & w.sign()) ? Flag::of : 0) |
            ((a ^ b ^ r) & Flag::af);
        break;
    case Alu::sub:
    case Alu::sbb:
    case Alu::cmp:
        r = (a - b - carry) & w.mask();
        f = (a < b || (carry && a == b) ? Flag::cf : 0) | (((a ^ b) & (a ^ r) & w.sign()) ? Flag::of : 0) |
            ((a ^ b ^ r) & Flag::af);
        break;
    }
    flags = (flags & ~Flag::arithmetic) | f | result_flags(r, w);
    return r;
}

class Emulation {
  public:
    Emulation(UserRegs& regs, u64 memory, unsigned offset) : regs_(regs), memory_(memory), shift_(8 * offset) {}
    bool run(Decoder& d);
    [[nodiscard]] u64 memory() const { return memory_; }
    [[nodiscard]] bool inside() const { return inside_; }

  private:
    [[nodiscard]] u64 load(Width w) const { return (memory_ >> shift_) & w.mask(); }
    void store(u64 value, Width w) {
        inside_ = inside_ && shift_ / 8 + w.bytes <= 8;
        memory_ = (memory_ & ~(w.mask() << shift_)) | (value & w.mask()) << shift_;
    }
    /// Byte registers 4..7 without REX are ah, ch, dh, bh.
    u64 reg(const Decoder& d, unsigned n, Width w) const {
        if (w.bytes == 1 && !d.insn.rex && n >= 4) return (gpr(n - 4) >> 8) & 0xff;
        return gpr(n) & w.mask();
    }
    void set_reg(const Decoder& d, unsigned n, u64 value, Width w) {
        if (w.bytes == 1 && !d.insn.rex && n >= 4)
            gpr(n - 4) = (gpr(n - 4) & ~u64{0xff00}) | (value & 0xff) << 8;
        else if (w.bytes >= 4)
            gpr(n) = value & w.mask(); // 32-bit results clear the upper half
        else
            gpr(n) = (gpr(n) & ~w.mask()) | (value & w.mask());
    }
    [[nodiscard]] u64& gpr(unsigned n) const { return insn_register(regs_, n); }
    bool two_byte(Decoder& d);
    bool bit_op(unsigned op, u64 index, Width w);
    UserRegs& regs_;
    u64 memory_;
    unsigned shift_;
    bool inside_ = true;
};

bool Emulation::bit_op(unsigned op, u64 index, Width w) { // 5 bts, 6 btr, 7 btc
    const u64 bit = u64{1} << (index & (8 * w.bytes - 1)), old = load(w);
    regs_.rflags = (regs_.rflags & ~Flag::cf) | ((old & bit) ? Flag::cf : 0);
    store(op == 5 ? old | bit : op == 6 ? old & ~bit : old ^ bit, w);
    return op >= 5;
}

bool Emulation::two_byte(Decoder& d) {
    const u8 op = d.next();
    const Width w{(op & 1) || op == 0xba ? d.width() : 1};
    switch (op) {
    case 0xab:
    case 0xb3:
    case 0xbb: d.modrm(); return bit_op(op == 0xab ? 5 : op == 0xb3 ? 6 : 7, gpr(d.reg), w);
    case 0xba: d.modrm(); return bit_op(d.reg & 7, d.immediate(1), w);
    case 0xb0:
    case 0xb1: { // cmpxchg
        d.modrm();
        const u64 old = load(w), expected = gpr(0) & w.mask();
        alu(Alu::cmp, expected, old, w, regs_.rflags);
        if (old == expected)
            store(reg(d, d.reg, w), w);
        else
            set_reg(d, 0, old, w);
        return true;
    }
    case 0xc0:
    case 0xc1: { // xadd
        d.modrm();
        const u64 old = load(w);
        store(alu(Alu::add, old, reg(d, d.reg, w), w, regs_.rflags), w);
        set_reg(d, d.reg, old, w);
        return true;
    }
    default: return false;
    }
}

bool Emulation::run(Decoder& d) {
    // A segment does not matter any more, a lock we keep anyway.
    if (d.insn.rep || d.insn.address32) return false;
    const u8 op = d.next();
    if (op == 0x0f) return two_byte(d);
    const Width w{(op & 1) ? d.width() : 1};
    const unsigned imm_bytes = w.bytes == 8 ? 4 : w.bytes;
    if (op < 0x38 && (op & 6) == 0) { // add or adc sbb and sub xor  r/m, r
        d.modrm();
        store(alu(static_cast<Alu>(op >> 3), load(w), reg(d, d.reg, w), w, regs_.rflags), w);
        return true;
    }
    switch (op) {
    case 0x88:
    case 0x89:
        d.modrm();
        store(reg(d, d.reg, w), w);
        return true;
    case 0xc6:
    case 0xc7:
        d.modrm();
        store(d.immediate(imm_bytes), w);
        return (d.reg & 7) == 0;
    case 0x86:
    case 0x87: {
        d.modrm();
        const u64 old = load(w);
        store(reg(d, d.reg, w), w);
        set_reg(d, d.reg, old, w);
        return true;
    }
    case 0x80:
    case 0x81:
    case 0x83: {
        d.modrm();
        const Alu which = static_cast<Alu>(d.reg & 7);
        store(alu(which, load(w), d.immediate(op == 0x81 ? imm_bytes : 1), w, regs_.rflags), w);
        return which != Alu::cmp;
    }
    case 0xfe:
    case 0xff: {
        d.modrm();
        const u64 carry = regs_.rflags & Flag::cf; // inc and dec keep it
        store(alu((d.reg & 7) == 0 ? Alu::add : Alu::sub, load(w), 1, w, regs_.rflags), w);
        regs_.rflags = (regs_.rflags & ~Flag::cf) | carry;
        return (d.reg & 7) <= 1;
    }
    case 0xf6:
    case 0xf7:
        d.modrm();
        if ((d.reg & 7) == 2)
            store(~load(w), w);
        else
            store(alu(Alu::sub, 0, load(w), w, regs_.rflags), w);
        return (d.reg & 7) == 2 || (d.reg & 7) == 3;
    default: return false;
    }
}

} // namespace

bool emulate_write(const Insn& insn, UserRegs& regs, u64& memory, unsigned offset) {
    Decoder decoder{insn};
    Emulation emulation(regs, memory, offset);
    if (!emulation.run(decoder) || !decoder.ok || !emulation.inside()) return false;
    regs.rip += decoder.insn.length;
    memory = emulation.memory();
    return true;
}

} // namespace hv
