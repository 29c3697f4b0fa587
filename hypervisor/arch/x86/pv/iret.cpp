// SPDX-License-Identifier: MIT
// HYPERVISOR_iret (xen/arch-x86/xen-x86_64.h struct iret_context) and the page that guests call hypercalls through.
#include "core/hypercall/guest_ptr.hpp"
#include "core/hypercall/table.hpp"
#include "lib/string.hpp"
#include "pv/pv.hpp"
#include "traps/entry_macros.h"

namespace hv {

Result<s64> hypercall::iret(HypercallArgs&) {
    UserRegs& regs = guest_regs();
    Vcpu& vcpu = current();
    PvVcpu& pv = vcpu.arch.pv;
    iret_context frame;
    if (!copy_from_guest(&frame, regs.rsp, sizeof(frame))) {
        domain_crash(*vcpu.domain, "iret frame not readable");
        return 0;
    }
    const bool to_user = (frame.cs & 3) == 3;
    if (to_user && !pv_toggle_mode(vcpu)) {
        domain_crash(*vcpu.domain, "iret to user mode without a user page table");
        return 0;
    }
    constexpr u64 keeps_iret = X86_TF | 0x10000; // SYSRET cannot restore RF
    if (frame.flags & VGCF_in_syscall) {
        regs.entry_vector = entry_syscall;
        regs.cs = flat_cs64;
        regs.ss = flat_ss;
    } else {
        regs.rcx = frame.rcx;
        regs.r11 = frame.r11;
        regs.cs = static_cast<u16>(frame.cs | 3);
        regs.ss = static_cast<u16>(frame.ss | 3);
        // A return from a system call leaves RCX = RIP and R11 = RFLAGS, which is just what SYSRET does.
        const bool sysret = frame.rcx == frame.rip && frame.r11 == frame.rflags && regs.cs == flat_cs64 &&
                            regs.ss == flat_ss && (frame.rflags & keeps_iret) == 0;
        regs.entry_vector = sysret ? entry_syscall : 0;
    }
    if (vcpu.domain->vm_assist >> VMASST_TYPE_architectural_iopl & 1)
        pv.iopl = pv.shown_iopl = (frame.rflags & X86_IOPL) >> 12;
    regs.rip = frame.rip;
    regs.rflags = pv_guest_flags(frame.rflags);
    regs.rsp = frame.rsp;
    write_once(vcpu.info->evtchn_upcall_mask, static_cast<u8>((frame.rflags & X86_IF) == 0));
    if (pv.nmi_masked) {
        pv.nmi_masked = false;
        vcpu.arch.exit_work |= pv.nmi_pending;
    }
    return static_cast<s64>(frame.rax);
}

void pv_write_hypercall_page(u8* page) {
    memset(page, 0xcc, page_size);
    for (unsigned number = 0; number < page_size / 32; ++number) {
        u8* const slot = page + number * 32;
        const u8 immediate[4] = {static_cast<u8>(number), 0, 0, 0};
        if (number == __HYPERVISOR_iret) {
            // The frame that it finds on the stack begins with rax, r11, rcx... (rax pushed last).
            constexpr u8 code[] = {0x51, 0x41, 0x53, 0x50, 0xb8, 0, 0, 0, 0, 0x0f, 0x05};
            memcpy(slot, code, sizeof(code));
            memcpy(slot + 5, immediate, sizeof(immediate));
        } else {
            constexpr u8 code[] = {0x51, 0x41, 0x53, 0xb8, 0, 0, 0, 0, 0x0f, 0x05, 0x41, 0x5b, 0x59, 0xc3};
            memcpy(slot, code, sizeof(code));
            memcpy(slot + 4, immediate, sizeof(immediate));
        }
    }
}

} // namespace hv
