// SPDX-License-Identifier: MIT
// vcpu_guest_context in and out (xen/arch-x86/xen.h): domctl {set,get}vcpucontext, VCPUOP_initialise.
#include "core/domain/domain.hpp"
#include "cpu/cr.hpp"
#include "cpu/xstate.hpp"
#include "lib/string.hpp"
#include "mm/layout.hpp"
#include "pv/descriptor.hpp"
#include "pv/mmu.hpp"
#include "pv/pv.hpp"
#include "pv/segments.hpp"

namespace hv {

namespace {

/// Bits of CR4 that a guest decides about itself; the rest it sees as the hypervisor has them.
constexpr u64 guest_cr4 = Cr4::tsd | Cr4::de | Cr4::fsgsbase | Cr4::osxsave;

Status check(const vcpu_guest_context_t& c) {
    if (!canonical(c.event_callback_eip) || !canonical(c.failsafe_callback_eip) || !canonical(c.syscall_callback_eip) ||
        !canonical(c.user_regs.rip) || !canonical(c.fs_base) || !canonical(c.gs_base_kernel) ||
        !canonical(c.gs_base_user))
        return Errno::inval;
    if (c.gdt_ents > FIRST_RESERVED_GDT_ENTRY || c.ldt_ents > 8192) return Errno::inval;
    if (c.ldt_ents &&
        (!canonical(c.ldt_base) || !guest_range_ok(c.ldt_base, c.ldt_ents * 8) || (c.ldt_base & ~page_mask)))
        return Errno::inval;
    for (const trap_info_t& info : c.trap_ctxt)
        if (!canonical(info.address)) return Errno::inval;
    return {};
}

void set_registers(Vcpu& vcpu, const vcpu_guest_context_t& c) {
    UserRegs& regs = vcpu.arch.regs;
    PvVcpu& pv = vcpu.arch.pv;
    regs = c.user_regs;
    pv.iopl = (regs.rflags >> 12) & 3;
    regs.rflags = pv_guest_flags(regs.rflags);
    regs.cs |= 3;
    regs.ss |= 3;
    regs.error_code = regs.entry_vector = 0;
    pv.kernel_mode = (c.flags & VGCF_in_kernel) != 0;
    pv.fs_base = c.fs_base;
    pv.gs_base_kernel = c.gs_base_kernel;
    pv.gs_base_user = c.gs_base_user;
    if (c.flags & VGCF_I387_VALID) {
        xstate_reset(vcpu);
        memcpy(vcpu.arch.xsave, &c.fpu_ctxt, sizeof(c.fpu_ctxt));
        if (xstate_info.xsave) vcpu.arch.xsave[512] = 3; // header: x87 and SSE are in the image
        vcpu.arch.fpu_initialised = true;
    }
}

void set_callbacks(PvVcpu& pv, const vcpu_guest_context_t& c) {
    pv.kernel_ss = c.kernel_ss | 3;
    pv.kernel_sp = c.kernel_sp;
    pv.event_callback_eip = c.event_callback_eip;
    pv.failsafe_callback_eip = c.failsafe_callback_eip;
    pv.syscall_callback_eip = c.syscall_callback_eip;
    pv.failsafe_disables_events = (c.flags & VGCF_failsafe_disables_events) != 0;
    pv.syscall_disables_events = (c.flags & VGCF_syscall_disables_events) != 0;
    for (unsigned i = 0; i < 256; ++i) {
        pv.traps[i] = c.trap_ctxt[i];
        static_cast<void>(pv_fix_trap(pv.traps[i]));
    }
    pv.ctrlreg[0] |= c.ctrlreg[0] & Cr0::ts;
    pv.fpu_task_switch = (c.ctrlreg[0] & Cr0::ts) != 0;
    pv.ctrlreg[4] = c.ctrlreg[4] & guest_cr4;
}

} // namespace

Status arch_set_context(Vcpu& vcpu, const vcpu_guest_context_t& context) {
    const vcpu_guest_context_t& c = context;
    ArchVcpu& arch = vcpu.arch;
    TRY(check(c));
    if (!pv_kernel_stack_ok(c.kernel_sp)) return Errno::inval;
    const Mfn kernel{xen_cr3_to_pfn(c.ctrlreg[3])}, user{xen_cr3_to_pfn(c.ctrlreg[1])};
    if (!(c.flags & VGCF_in_kernel) && !user.raw()) return Errno::inval;
    vcpu_sync_state(vcpu);
    for (unsigned i = 0; i < 8; ++i)
        if (i < 4 || i == 6 || i == 7) TRY(pv_set_debug_register(vcpu, i, c.debugreg[i]));
    if (vcpu.initialised) {
        // Tables stay: only registers may change after the first time.
        if (kernel != arch.guest_table || user != arch.guest_table_user || c.gdt_ents != arch.pv.gdt_entries)
            return Errno::opnotsupp;
        set_registers(vcpu, c);
        arch.cr3 = (arch.pv.kernel_mode ? kernel : user).raw() << page_shift;
        return {};
    }
    u64 frames[16];
    memcpy(frames, c.gdt_frames, sizeof(frames));
    TRY(pv_set_gdt(vcpu, frames, static_cast<u32>(c.gdt_ents)));
    TRY(pv_set_guest_tables(vcpu, kernel, user, true));
    arch.pv.ldt_base = c.ldt_ents ? c.ldt_base : 0;
    arch.pv.ldt_entries = static_cast<u32>(c.ldt_ents);
    set_registers(vcpu, c);
    set_callbacks(arch.pv, c);
    arch.cr3 = (arch.pv.kernel_mode ? kernel : user).raw() << page_shift;
    if (vcpu.id == 0) vcpu.domain->vm_assist = static_cast<u32>(c.vm_assist) & pv_vm_assists;
    return {};
}

void arch_get_context(Vcpu& vcpu, vcpu_guest_context_t& context) {
    vcpu_guest_context_t& c = context;
    vcpu_sync_state(vcpu);
    const ArchVcpu& arch = vcpu.arch;
    const PvVcpu& pv = arch.pv;
    memset(&c, 0, sizeof(c));
    memcpy(&c.fpu_ctxt, arch.xsave, sizeof(c.fpu_ctxt));
    c.flags = (arch.fpu_initialised ? VGCF_i387_valid : 0) | (pv.kernel_mode ? VGCF_in_kernel : 0) |
              (pv.failsafe_disables_events ? VGCF_failsafe_disables_events : 0) |
              (pv.syscall_disables_events ? VGCF_syscall_disables_events : 0) |
              (vcpu.pause_flags.load() & PauseFlag::down ? 0 : VGCF_online);
    c.user_regs = arch.regs;
    c.user_regs.rflags |= u64{pv.iopl} << 12;
    c.user_regs.error_code = c.user_regs.entry_vector = 0;
    memcpy(c.trap_ctxt, pv.traps, sizeof(c.trap_ctxt));
    c.ldt_base = pv.ldt_base;
    c.ldt_ents = pv.ldt_entries;
    for (unsigned i = 0; i < 16; ++i)
        c.gdt_frames[i] = pv.gdt_frames[i].raw();
    c.gdt_ents = pv.gdt_entries;
    c.kernel_ss = pv.kernel_ss;
    c.kernel_sp = pv.kernel_sp;
    c.ctrlreg[0] = (pv.ctrlreg[0] & ~Cr0::ts) | (pv.fpu_task_switch ? Cr0::ts : 0);
    c.ctrlreg[1] = xen_pfn_to_cr3(arch.guest_table_user.raw());
    c.ctrlreg[2] = pv.ctrlreg[2];
    c.ctrlreg[3] = xen_pfn_to_cr3(arch.guest_table.raw());
    c.ctrlreg[4] = pv.ctrlreg[4];
    memcpy(c.debugreg, pv.dr, sizeof(c.debugreg));
    c.event_callback_eip = pv.event_callback_eip;
    c.failsafe_callback_eip = pv.failsafe_callback_eip;
    c.syscall_callback_eip = pv.syscall_callback_eip;
    c.vm_assist = vcpu.domain->vm_assist;
    c.fs_base = pv.fs_base;
    c.gs_base_kernel = pv.gs_base_kernel;
    c.gs_base_user = pv.gs_base_user;
}

} // namespace hv
