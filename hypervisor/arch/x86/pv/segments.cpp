// SPDX-License-Identifier: MIT
#include "pv/segments.hpp"

#include "core/hypercall/guest_ptr.hpp"
#include "core/hypercall/table.hpp"
#include "cpu/cpuid.hpp"
#include "cpu/cr.hpp"
#include "cpu/msr.hpp"
#include "pv/pv.hpp"

namespace hv {

namespace {

#define HV_SELECTOR(name)                                                                                              \
    u16 read_##name() {                                                                                                \
        u32 value;                                                                                                     \
        asm volatile("movl %%" #name ", %0" : "=r"(value));                                                            \
        return static_cast<u16>(value);                                                                                \
    }                                                                                                                  \
    bool load_##name(u16 value) {                                                                                      \
        bool ok = true;                                                                                                \
        asm volatile("1: movl %k1, %%" #name "\n2:\n"                                                                  \
                     ".pushsection .fixup, \"ax\"\n3: xorl %k1, %k1\n movb $0, %0\n jmp 1b\n.popsection\n" HV_EXTABLE( \
                         "1b", "3b")                                                                                   \
                     : "+r"(ok)                                                                                        \
                     : "r"(u32{value})                                                                                 \
                     : "memory");                                                                                      \
        return ok;                                                                                                     \
    }
HV_SELECTOR(ds)
HV_SELECTOR(es)
HV_SELECTOR(fs)
HV_SELECTOR(gs)
#undef HV_SELECTOR

/// RPL 3, so that loading it in ring 0 checks what ring 3 may have.
constexpr u16 guest_selector(u16 selector) { return selector > 3 ? selector | 3 : 0; }

bool fsgsbase() { return (hv_cr4 & Cr4::fsgsbase) != 0; }

} // namespace

Selectors segment_selectors() { return {{read_ds(), read_es(), read_fs(), read_gs()}}; }

u64 segment_fs_base() {
    if (!fsgsbase()) return rdmsr(Msr::fs_base);
    u64 base;
    asm volatile("rdfsbase %0" : "=r"(base));
    return base;
}

u64 segment_gs_base_active() {
    if (!fsgsbase()) return rdmsr(Msr::gs_base);
    u64 base;
    asm volatile("rdgsbase %0" : "=r"(base));
    return base;
}

u64 segment_gs_base_inactive() { return rdmsr(Msr::kernel_gs_base); }

void segment_set_fs_base(u64 base) {
    if (fsgsbase())
        asm volatile("wrfsbase %0" ::"r"(base));
    else
        wrmsr(Msr::fs_base, base);
}

void segment_set_gs_base(u64 base, bool active) {
    if (!active)
        wrmsr(Msr::kernel_gs_base, base);
    else if (fsgsbase())
        asm volatile("wrgsbase %0" ::"r"(base));
    else
        wrmsr(Msr::gs_base, base);
}

void segments_save(Vcpu& vcpu) {
    UserRegs& regs = vcpu.arch.regs;
    PvVcpu& pv = vcpu.arch.pv;
    regs.ds = read_ds();
    regs.es = read_es();
    regs.fs = read_fs();
    regs.gs = read_gs();
    pv.fs_base = segment_fs_base();
    (pv.kernel_mode ? pv.gs_base_kernel : pv.gs_base_user) = segment_gs_base_active();
    // The inactive one changes only through us: pv_toggle_mode() swaps, so memory may be a swap behind.
    (pv.kernel_mode ? pv.gs_base_user : pv.gs_base_kernel) = segment_gs_base_inactive();
}

void segments_load(Vcpu& vcpu) {
    const UserRegs& regs = vcpu.arch.regs;
    PvVcpu& pv = vcpu.arch.pv;
    bool ok = true;
    if (regs.ds | read_ds()) ok &= load_ds(guest_selector(regs.ds));
    if (regs.es | read_es()) ok &= load_es(guest_selector(regs.es));
    if (regs.fs | read_fs()) ok &= load_fs(guest_selector(regs.fs));
    if (regs.gs | read_gs()) ok &= load_gs(guest_selector(regs.gs));
    // After the selectors: loading one overwrites its base (a null one on Intel only, SDM vol.2 MOV).
    segment_set_fs_base(pv.fs_base);
    segment_set_gs_base(pv.kernel_mode ? pv.gs_base_kernel : pv.gs_base_user, true);
    segment_set_gs_base(pv.kernel_mode ? pv.gs_base_user : pv.gs_base_kernel, false);
    if (!ok) {
        pv.segments_failed = true;
        vcpu.arch.exit_work = 1;
    }
}

Result<s64> hypercall::set_segment_base(HypercallArgs& args_) {
    const u64 base = args_.a[1];
    PvVcpu& pv = current().arch.pv;
    switch (static_cast<u32>(args_.a[0])) {
    case SEGBASE_FS:
        if (!canonical(base)) return Errno::inval;
        segment_set_fs_base(base);
        return 0;
    case SEGBASE_GS_USER: // the caller is in kernel mode
        if (!canonical(base)) return Errno::inval;
        pv.gs_base_user = base;
        segment_set_gs_base(base, false);
        return 0;
    case SEGBASE_GS_KERNEL:
        if (!canonical(base)) return Errno::inval;
        segment_set_gs_base(base, true);
        return 0;
    case SEGBASE_GS_USER_SEL: {
        // The selector is loaded behind the kernel's back; a bad one becomes null, as on Xen.
        const IrqOff off;
        asm volatile("swapgs" ::: "memory");
        static_cast<void>(load_gs(guest_selector(static_cast<u16>(base))));
        asm volatile("swapgs" ::: "memory");
        return 0;
    }
    default: return Errno::inval;
    }
}

} // namespace hv
