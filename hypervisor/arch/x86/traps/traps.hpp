// SPDX-License-Identifier: MIT
// The seam between entry.S (assembly) and the C++ trap handlers.
// The image is linked outside the top 2 GiB and compiled with -fpie: assembly must address symbols %rip-relative
// (`leaq sym(%rip), %rax`), never as 32-bit immediates.
#pragma once

#include "cpu/cpu_info.hpp"
#include "lib/types.hpp"

namespace hv {

struct Vector {
    static constexpr u8 debug = 1, nmi = 2, breakpoint = 3, overflow = 4, invalid_opcode = 6, no_device = 7,
                        double_fault = 8, gp_fault = 13, page_fault = 14, machine_check = 18;
    static constexpr u32 exceptions = 32;
    /// Exceptions that push an error code (APM vol.2 8.2).
    static constexpr u32 with_error_code =
        1U << 8 | 1U << 10 | 1U << 11 | 1U << 12 | 1U << 13 | 1U << 14 | 1U << 17 | 1U << 21;
};

/// Page-fault error code bits (APM vol.2 8.4.2).
struct PfError {
    static constexpr u32 present = 1, write = 2, user = 4, reserved = 8, fetch = 16;
};

inline bool from_guest(const UserRegs& regs) { return (regs.cs & 3) != 0; }

extern "C" {
// Provided by entry.S: the stubs of the vectors, 16 bytes each. Every stub saves UserRegs (entry_vector, error_code
// set) on the stack the CPU gave it, calls the handler below, then leaves through the guest exit path (from_guest) or
// restores.
extern u8 entry_stubs[256][16];
// SYSCALL has no stack switch and no segment base is ours: each CPU has its own LSTAR/CSTAR stub. syscall_init_cpu()
// (traps/syscall_init.cpp) sets STAR, LSTAR, CSTAR, SFMASK and the SYSENTER MSRs of the CPU it runs on.

// Called by entry.S, interrupts off.
void handle_exception(UserRegs& regs);        ///< vectors 0..31 without those below
void handle_nmi(UserRegs& regs);              ///< on its IST stack; returns by plain restore, no exit path work
void handle_machine_check(UserRegs& regs);    ///< on its IST stack
void handle_hypervisor_debug(UserRegs& regs); ///< #DB in ring 0, on its IST stack
[[noreturn]] void handle_double_fault(UserRegs& regs); ///< on its IST stack
// handle_interrupt(UserRegs&) for vectors 32..255: irq/irq.hpp
}

void syscall_init_cpu();
/// Installs the IDT (boot CPU: builds it, too) on this CPU.
void idt_init();

/// A recoverable hypervisor instruction: when the one at `fault` faults, execution goes on at `fixup`.
struct ExtableEntry {
    u64 fault, fixup;
};
/// Redirects regs.rip when the faulting instruction has an entry.
bool extable_fixup(UserRegs& regs);

// --- guest side, provided by arch/x86/pv ---------------------------------------------------------------------------
/// An exception raised by PV guest code, interrupts enabled again. `cr2` only for #PF, `dr6` only for #DB.
void pv_handle_exception(UserRegs& regs, u64 cr2, u64 dr6);
/// A #PF, #GP, #NP... in the hypervisor that the current guest caused and that can be repaired (LDT window page not yet
/// mapped). True: retry the instruction.
bool pv_hypervisor_fault(UserRegs& regs, u64 cr2);

} // namespace hv

/// In inline assembly: registers a fix-up, both operands are asm labels.
#define HV_EXTABLE(fault, fixup) ".pushsection .ex_table, \"a\"\n.balign 8\n.quad " fault ", " fixup "\n.popsection\n"
