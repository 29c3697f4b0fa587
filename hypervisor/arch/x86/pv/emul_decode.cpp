// SPDX-License-Identifier: MIT
#include "core/hypercall/guest_ptr.hpp"
#include "lib/string.hpp"
#include "pv/emul.hpp"
#include "pv/pv.hpp"

namespace hv {

bool insn_fetch(const UserRegs& regs, Insn& insn) {
    // Up to 15 bytes, but no page more than the instruction itself touches.
    const u64 in_page = page_size - (regs.rip & (page_size - 1));
    const u64 first = min_of(in_page, u64{sizeof(insn.bytes)});
    if (!copy_from_guest(insn.bytes, regs.rip, first)) return false;
    insn.fetched = static_cast<u8>(min_of(first, u64{Insn::max_length}));
    if (first < Insn::max_length && copy_from_guest(insn.bytes + first, regs.rip + first, Insn::max_length - first))
        insn.fetched = Insn::max_length;
    return insn_prefixes(insn, regs.cs != flat_cs32);
}

bool insn_prefixes(Insn& insn, bool long_mode) {
    while (insn.has(1)) {
        const u8 byte = insn.bytes[insn.length];
        switch (byte) {
        case 0x66: insn.operand16 = true; break;
        case 0x67: insn.address32 = true; break;
        case 0xf2:
        case 0xf3: insn.rep = true; break;
        case 0x26:
        case 0x2e:
        case 0x36:
        case 0x3e:
        case 0x64:
        case 0x65: insn.segment = byte; break;
        case 0xf0: break;
        default:
            if ((byte & 0xf0) == 0x40 && long_mode) {
                insn.rex = byte;
                insn.rex_w = byte & 8;
                insn.rex_r = byte & 4;
                insn.rex_b = byte & 1;
                ++insn.length;
            }
            return insn.has(1);
        }
        ++insn.length;
    }
    return false;
}

u64& insn_register(UserRegs& regs, unsigned number) {
    static constexpr decltype(&UserRegs::rax) table[16] = {
        &UserRegs::rax, &UserRegs::rcx, &UserRegs::rdx, &UserRegs::rbx, &UserRegs::rsp, &UserRegs::rbp,
        &UserRegs::rsi, &UserRegs::rdi, &UserRegs::r8,  &UserRegs::r9,  &UserRegs::r10, &UserRegs::r11,
        &UserRegs::r12, &UserRegs::r13, &UserRegs::r14, &UserRegs::r15};
    return regs.*table[number & 15];
}

} // namespace hv
