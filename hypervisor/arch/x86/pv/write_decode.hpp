// SPDX-License-Identifier: MIT
// The few instructions with which a kernel writes one page-table entry (APM vol.3): enough to carry out a write that
// faulted on a read-only mapping. Pure: registers and bytes in, registers and bytes out.
#pragma once

#include "pv/emul.hpp"

namespace hv {

/// Carries out the instruction `insn`, behind its prefixes, whose memory operand is `memory`, the eight aligned bytes
/// around the faulting address; `offset` is the operand's place in them.
/// False: not one of those, or the operand leaves the eight bytes; then memory is as it was, `regs` may not be.
bool emulate_write(const Insn& insn, UserRegs& regs, u64& memory, unsigned offset);

} // namespace hv
