// SPDX-License-Identifier: MIT
// The few instructions with which a kernel writes one page-table entry (APM vol.3): enough to carry out a write that
// faulted on a read-only mapping. Pure: registers and bytes in, registers and bytes out.
#pragma once

#include "lib/types.hpp"

namespace hv {

/// General registers by their encoding (rax, rcx, rdx, rbx, rsp, rbp, rsi, rdi, r8..r15), flags and instruction
/// pointer.
struct WriteRegs {
    u64 gpr[16];
    u64 flags;
    u64 rip;
};

/// Carries out the instruction at `code` (`size` bytes readable, at most 15 are looked at), whose memory operand is
/// `memory`, the eight aligned bytes around the faulting address; `offset` is the operand's place in them.
/// False: not one of those, or the operand leaves the eight bytes; then nothing changed.
bool emulate_write(const u8* code, unsigned size, WriteRegs& regs, u64& memory, unsigned offset);

} // namespace hv
