// SPDX-License-Identifier: MIT
// PV guests' CPU side: mode switches, events and faults delivered into the guest (xen/arch-x86/xen-x86_64.h).
#pragma once

#include "core/domain/domain.hpp"

namespace hv {

/// Selectors that the ABI gives a guest's kernel and user code (xen-x86_64.h FLAT_RING3_*).
inline constexpr u16 flat_cs64 = 0xe033, flat_cs32 = 0xe023, flat_ss = 0xe02b;

/// Bits of UserRegs::entry_vector next to the vector itself.
inline constexpr u32 entry_syscall = 1U << 8; ///< came by SYSCALL (or may leave by SYSRET): RCX and R11 are free

/// RFLAGS with which a guest may run: CF PF AF ZF SF TF DF OF NT RF AC ID of its wish; interrupts on, IOPL 0.
constexpr u64 pv_guest_flags(u64 wish) { return (wish & 0x254dd5) | 0x202; }
/// May bounce frames be pushed below `stack`? Only the hypervisor's own addresses are refused; the rest faults safely.
bool pv_kernel_stack_ok(u64 stack);
/// VMASST_TYPE_* bits that a 64-bit guest may set.
inline constexpr u32 pv_vm_assists = 1U << VMASST_TYPE_4gb_segments | 1U << VMASST_TYPE_4gb_segments_notify |
                                     1U << VMASST_TYPE_writable_pagetables | 1U << VMASST_TYPE_pae_extended_cr3 |
                                     1U << VMASST_TYPE_architectural_iopl | 1U << VMASST_TYPE_runstate_update_flag;
/// Writes to an address of the guest kernel, whichever mode `vcpu`, whose page tables are loaded, is in.
bool pv_copy_to_kernel(const Vcpu& vcpu, u64 address, const void* from, usize bytes);
/// Fills the page through which a guest calls the hypervisor: slot n of 32 bytes is call n (xen/xen.h).
void pv_write_hypercall_page(u8* page);

// --- page-table base (the caller has set arch.guest_table / guest_table_user and holds their references) -------------
/// Loads the page table of the vCPU's current mode; `vcpu` is the current one.
void pv_load_cr3(Vcpu& vcpu);
/// Guest kernel <-> guest user on the current CPU: page table and GS base. False: there is no user page table.
bool pv_toggle_mode(Vcpu& vcpu);

// --- delivery to the current guest's trap table. A frame that cannot be written crashes the domain -------------------
void pv_inject_trap(UserRegs& regs, u8 vector, u32 error_code);
void pv_inject_software(UserRegs& regs, u8 vector); ///< INT n: never an error code
void pv_inject_gp(UserRegs& regs, u32 error_code);
void pv_inject_page_fault(UserRegs& regs, u64 cr2, u32 error_code);

// --- privileged-instruction emulation ------------------------------------------------------------------------------
/// #GP of the guest kernel or user: true when the instruction was carried out (or its fault delivered).
bool pv_emulate_privileged(UserRegs& regs);
/// #UD: `ud2a; "xen"; cpuid`.
bool pv_emulate_forced(UserRegs& regs);

// --- state of a vCPU that may still be in some CPU's registers (lazy switch to idle) ---------------------------------
/// Writes it back to `arch`; the vCPU must not be running (paused or the caller itself is current).
void vcpu_sync_state(Vcpu& vcpu);
/// This CPU holds a lazy vCPU's state while idle: give up its page tables and registers (IPI handler, CPU offline).
void cpu_drop_lazy_state();
/// Descriptor tables and segments of `vcpu` (current) changed: reload GDTR/LDTR.
void pv_load_ldt(Vcpu& vcpu);
/// CR4 := ours, and TSD when the guest or its TSC mode wants RDTSC to fault.
void pv_load_cr4(const Vcpu& vcpu);
/// Drops the frames of its GDT; SET_GDT and teardown.
void pv_destroy_gdt(Vcpu& vcpu);

// --- FPU -----------------------------------------------------------------------------------------------------------
// It moves with every switch between two guests. Not on first use (#NM): that leaks on some CPUs (CVE-2018-3665), and
// QEMU's XSAVE and XRSTOR ignore CR0.TS, so a guest's own state switching passes unseen.
void fpu_save(Vcpu& vcpu); ///< current or lazy on this CPU: registers to memory, sets CR0.TS
void fpu_load(Vcpu& vcpu); ///< memory to registers; CR0.TS as the guest has it

} // namespace hv
