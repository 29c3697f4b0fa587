// SPDX-License-Identifier: MIT
// Fetching and decoding the few instructions that PV guests need emulated.
#pragma once

#include "core/domain/domain.hpp"

namespace hv {

struct Insn {
    static constexpr u8 max_length = 15;
    u8 bytes[max_length + 1]; ///< two words
    u8 fetched = 0;
    u8 length = 0; ///< decoded so far: prefixes, then opcode...
    bool operand16 = false, address32 = false, rep = false, rex_w = false, rex_r = false, rex_b = false;
    u8 rex = 0;
    u8 segment = 0; ///< override prefix byte, 0 = none
    [[nodiscard]] bool has(u8 more) const { return length + more <= fetched; }
    u8 next() { return bytes[length++]; }
};
/// Reads the instruction at regs.rip and its prefixes. False: not readable, or prefixes only.
bool insn_fetch(const UserRegs& regs, Insn& insn);
/// The prefixes of what was fetched. False: nothing follows them.
bool insn_prefixes(Insn& insn, bool long_mode);
/// General register by its number in ModRM + REX.
u64& insn_register(UserRegs& regs, unsigned number);
/// IN, OUT, INS, OUTS: opcode already consumed. False: not allowed, #GP.
bool emulate_io(UserRegs& regs, Insn& insn, u8 opcode);

} // namespace hv
