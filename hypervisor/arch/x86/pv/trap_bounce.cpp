// SPDX-License-Identifier: MIT
// Bounce frames: how an event or a fault reaches the guest kernel (xen/arch-x86/xen-x86_64.h). From low to high:
//   rcx r11 [ds es fs gs] [error code] rip cs|upcall_mask<<32 rflags rsp ss
// The four selectors only for the failsafe callback. CS has RPL 0 when the kernel itself was interrupted, and rflags.IF
// shows the upcall mask, so that the guest's own iret path can restore both.
#include "core/debug/printk.hpp"
#include "core/hypercall/guest_ptr.hpp"
#include "cpu/cr.hpp"
#include "lib/atomic.hpp"
#include "mm/tlb_ipi.hpp"
#include "pv/pv.hpp"
#include "pv/segments.hpp"
#include "traps/entry_macros.h"
#include "traps/traps.hpp"

namespace hv {

namespace {

struct Target {
    u64 rip;
    bool mask_events = false;
    bool has_error = false;
    bool failsafe = false;
    u16 cs = flat_cs64;
};

void bounce(UserRegs& regs, const Target& target, u32 error_code = 0) {
    Vcpu& vcpu = current();
    PvVcpu& pv = vcpu.arch.pv;
    const bool was_kernel = pv.kernel_mode;
    u64 stack = regs.rsp;
    if (!was_kernel) {
        if (!pv_toggle_mode(vcpu)) return domain_crash(*vcpu.domain, "no kernel page table");
        stack = pv.kernel_sp;
    }
    u8& upcall_mask = vcpu.info->evtchn_upcall_mask;
    const u8 mask = read_once(upcall_mask);
    u64 frame[12];
    unsigned n = 0;
    frame[n++] = regs.rcx;
    frame[n++] = regs.r11;
    if (target.failsafe)
        for (const u16 selector : segment_selectors())
            frame[n++] = selector;
    if (target.has_error) frame[n++] = error_code;
    frame[n++] = regs.rip;
    frame[n++] = u64{mask} << 32 | (was_kernel ? regs.cs & ~3U : regs.cs);
    frame[n++] = (regs.rflags & ~u64{X86_IF | X86_IOPL}) | (mask ? 0 : X86_IF) | u64{pv.shown_iopl} << 12;
    frame[n++] = regs.rsp;
    frame[n++] = regs.ss;
    stack = (stack & ~u64{15}) - n * sizeof(u64);
    if (!copy_to_guest(stack, frame, n * sizeof(u64)))
        return domain_crash(*vcpu.domain, "its kernel stack cannot take a trap frame");
    if (target.mask_events) write_once(upcall_mask, u8{1});
    // The guest pops RCX and R11 itself, so SYSRET may enter the handler.
    regs.entry_vector |= entry_syscall;
    regs.rip = target.rip;
    regs.cs = target.cs | 3;
    regs.rflags &= ~u64{X86_CLEARED_ON_BOUNCE};
    regs.rsp = stack;
    regs.ss = flat_ss;
}

void bounce_trap(UserRegs& regs, u8 vector, bool has_error, u32 error_code) {
    Vcpu& vcpu = current();
    const trap_info_t& info = vcpu.arch.pv.traps[vector];
    if (!info.address) {
        log_guest("d{}v{}: no handler for trap {} (error code {:x})", vcpu.domain->id, vcpu.id, vector, error_code);
        return domain_crash(*vcpu.domain, "unhandled trap");
    }
    bounce(regs, {.rip = info.address, .mask_events = TI_GET_IF(&info) != 0, .has_error = has_error, .cs = info.cs},
           error_code);
}

} // namespace

void pv_load_cr3(Vcpu& vcpu) {
    ArchVcpu& arch = vcpu.arch;
    arch.cr3 = (arch.pv.kernel_mode ? arch.guest_table : arch.guest_table_user).raw() << page_shift;
    tlb_note_flush();
    write_cr3(arch.cr3);
}

bool pv_toggle_mode(Vcpu& vcpu) {
    PvVcpu& pv = vcpu.arch.pv;
    if ((pv.kernel_mode ? vcpu.arch.guest_table_user : vcpu.arch.guest_table).raw() == 0) return false;
    pv.kernel_mode = !pv.kernel_mode;
    asm volatile("swapgs" ::: "memory"); // the other mode's GS base always waits in MSR_KERNEL_GS_BASE
    pv_load_cr3(vcpu);
    return true;
}

void pv_inject_trap(UserRegs& regs, u8 vector, u32 error_code) {
    bounce_trap(regs, vector, vector < 32 && (Vector::with_error_code >> vector & 1) != 0, error_code);
}

void pv_inject_software(UserRegs& regs, u8 vector) { bounce_trap(regs, vector, false, 0); }

void pv_inject_gp(UserRegs& regs, u32 error_code) { bounce_trap(regs, Vector::gp_fault, true, error_code); }

void pv_inject_page_fault(UserRegs& regs, u64 cr2, u32 error_code) {
    Vcpu& vcpu = current();
    vcpu.arch.pv.ctrlreg[2] = cr2;
    write_once(vcpu.info->arch.cr2, cr2);
    // Both modes are ring 3 to the CPU; the guest wants its own view.
    error_code &= ~PfError::user;
    if (!vcpu.arch.pv.kernel_mode) error_code |= PfError::user;
    bounce_trap(regs, Vector::page_fault, true, error_code);
}

extern "C" {

void pv_deliver_event(UserRegs& regs) {
    Vcpu& vcpu = current();
    if (!vcpu.arch.pv.event_callback_eip) return domain_crash(*vcpu.domain, "event without an event callback");
    bounce(regs, {.rip = vcpu.arch.pv.event_callback_eip, .mask_events = true});
}

void pv_exit_work(UserRegs& regs) {
    ArchVcpu& arch = current().arch;
    arch.exit_work = 0;
    if (arch.pv.segments_failed) {
        arch.pv.segments_failed = false;
        bounce(
            regs,
            {.rip = arch.pv.failsafe_callback_eip, .mask_events = arch.pv.failsafe_disables_events, .failsafe = true});
    }
    if (arch.pv.nmi_pending && !arch.pv.nmi_masked) {
        arch.pv.nmi_pending = false;
        if (!arch.pv.traps[Vector::nmi].address) return;
        arch.pv.nmi_masked = true;
        bounce_trap(regs, Vector::nmi, false, 0);
    }
}

void pv_failsafe(UserRegs& regs) {
    const PvVcpu& pv = current().arch.pv;
    if (!pv.failsafe_callback_eip)
        return domain_crash(*current().domain, "faulting return without a failsafe callback");
    bounce(regs, {.rip = pv.failsafe_callback_eip, .mask_events = pv.failsafe_disables_events, .failsafe = true});
}

void pv_bounce_failed(UserRegs&) { domain_crash(*current().domain, "its kernel stack cannot take a syscall frame"); }

void pv_syscall_unhandled(UserRegs& regs) {
    regs.rip -= 2;
    pv_inject_trap(regs, Vector::invalid_opcode, 0);
}

void pv_syscall32(UserRegs& regs) {
    const PvVcpu& pv = current().arch.pv;
    if (!pv.syscall32_callback_eip || pv.kernel_mode) return pv_syscall_unhandled(regs);
    bounce(regs, {.rip = pv.syscall32_callback_eip,
                  .mask_events = pv.syscall32_disables_events,
                  .cs = pv.syscall32_callback_cs});
}

void pv_sysenter(UserRegs& regs) {
    const PvVcpu& pv = current().arch.pv;
    regs.rflags |= X86_IF;
    if (!pv.sysenter_callback_eip || pv.kernel_mode) return pv_inject_gp(regs, 0);
    bounce(
        regs,
        {.rip = pv.sysenter_callback_eip, .mask_events = pv.sysenter_disables_events, .cs = pv.sysenter_callback_cs});
}

void pv_int80(UserRegs& regs) {
    const Vcpu& vcpu = current();
    const trap_info_t& info = vcpu.arch.pv.traps[0x80];
    if (info.address && TI_GET_DPL(&info) >= (vcpu.arch.pv.kernel_mode ? 1 : 3))
        return bounce_trap(regs, 0x80, false, 0);
    regs.rip -= 2;
    pv_inject_gp(regs, 0x80U << 3 | 2);
}

} // extern "C"

} // namespace hv
