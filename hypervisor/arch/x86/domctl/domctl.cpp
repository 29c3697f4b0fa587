// SPDX-License-Identifier: MIT
// domctl operations that only x86 has.
#include "core/domctl/control.hpp"
#include "core/mm/page.hpp"
#include "cpu/policy.hpp"
#include "cpu/xstate.hpp"
#include "mm/layout.hpp"
#include "pv/pv.hpp"
#include "time/time.hpp"

namespace hv {

namespace {

// --- pages -----------------------------------------------------------------------------------------------------------

u32 frame_info(const Domain& domain, u64 gfn) {
    auto page = PageRef::take(Mfn{gfn}, domain);
    if (!page.ok()) return XEN_DOMCTL_PFINFO_XTAB;
    const u64 type = page.value()->type_.load();
    u32 info = 0;
    switch (static_cast<PageType>(type >> 60)) {
    case PageType::l1: info = XEN_DOMCTL_PFINFO_L1TAB; break;
    case PageType::l2: info = XEN_DOMCTL_PFINFO_L2TAB; break;
    case PageType::l3: info = XEN_DOMCTL_PFINFO_L3TAB; break;
    case PageType::l4: info = XEN_DOMCTL_PFINFO_L4TAB; break;
    default: return XEN_DOMCTL_PFINFO_NOTAB;
    }
    return info | (type >> 59 & 1 ? XEN_DOMCTL_PFINFO_LPINTAB : 0);
}

Status page_frame_info(const Domain& domain, const xen_domctl_getpageframeinfo3& op) {
    constexpr u64 at_once = 64;
    if (op.num > 1024) return Errno::too_big;
    xen_pfn_t frames[at_once];
    for (u64 done = 0; done < op.num;) {
        const u64 n = op.num - done < at_once ? op.num - done : at_once;
        const GuestIn<xen_pfn_t> array = GuestIn<xen_pfn_t>(op.array).offset(done);
        TRY(array.read(frames, n));
        for (u64 i = 0; i < n; ++i)
            frames[i] = frame_info(domain, frames[i]);
        TRY(GuestOut<xen_pfn_t>(array.address()).write(frames, n));
        done += n;
    }
    return {};
}

Status hypercall_init(Domain& domain, u64 gmfn) {
    TypedPageRef page = TRY(TypedPageRef::take(Mfn{gmfn}, domain, PageType::writable));
    pv_write_hypercall_page(map_as<u8>(page.mfn()));
    return {};
}

// --- vCPU state ------------------------------------------------------------------------------------------------------

Status get_ext_context(const PvVcpu& pv, xen_domctl_ext_vcpucontext& op) {
    const u32 vcpu = op.vcpu;
    op = {};
    op.vcpu = vcpu;
    op.size = sizeof(op);
    op.syscall32_callback_eip = pv.syscall32_callback_eip;
    op.sysenter_callback_eip = pv.sysenter_callback_eip;
    op.syscall32_callback_cs = pv.syscall32_callback_cs;
    op.sysenter_callback_cs = pv.sysenter_callback_cs;
    op.syscall32_disables_events = pv.syscall32_disables_events;
    op.sysenter_disables_events = pv.sysenter_disables_events;
    return {};
}

/// RPL 1..3, never 0: what the guest runs at (xen-x86_64.h).
u16 guest_selector(u16 selector) { return selector & 3 ? selector : static_cast<u16>(selector | 3); }

Status set_ext_context(PvVcpu& pv, const xen_domctl_ext_vcpucontext& op) {
    if (op.size < offsetof(xen_domctl_ext_vcpucontext, mcg_cap)) return Errno::inval;
    if (!guest_address_ok(op.syscall32_callback_eip) || !guest_address_ok(op.sysenter_callback_eip))
        return Errno::inval;
    pv.syscall32_callback_eip = op.syscall32_callback_eip;
    pv.sysenter_callback_eip = op.sysenter_callback_eip;
    pv.syscall32_callback_cs = op.syscall32_callback_cs ? guest_selector(op.syscall32_callback_cs) : u16{0};
    pv.sysenter_callback_cs = op.sysenter_callback_cs ? guest_selector(op.sysenter_callback_cs) : u16{0};
    pv.syscall32_disables_events = op.syscall32_disables_events != 0;
    pv.sysenter_disables_events = op.sysenter_disables_events != 0;
    return {};
}

constexpr u32 msr_tsc_aux = 0xc0000103;

/// The one MSR of a PV guest that is state (the others belong to the policy or to hypercalls).
Status get_msrs(const Vcpu& vcpu, xen_domctl_vcpu_msrs& op) {
    const GuestOut<xen_domctl_vcpu_msr_t> out(op.msrs);
    const u32 room = op.msr_count;
    op.msr_count = 1;
    if (out.null()) return {};
    if (room < 1) return Errno::no_bufs;
    op.msr_count = vcpu.arch.pv.tsc_aux != 0;
    return op.msr_count ? out.write({msr_tsc_aux, 0, vcpu.arch.pv.tsc_aux}) : Status{};
}

Status set_msrs(Vcpu& vcpu, xen_domctl_vcpu_msrs& op) {
    const GuestIn<xen_domctl_vcpu_msr_t> in(op.msrs);
    const u32 count = op.msr_count;
    for (op.msr_count = 0; op.msr_count < count; ++op.msr_count) {
        xen_domctl_vcpu_msr_t msr;
        TRY(in.offset(op.msr_count).read(msr));
        if (msr.reserved || msr.index != msr_tsc_aux || msr.value >> 32) return Errno::inval;
        vcpu.arch.pv.tsc_aux = msr.value;
    }
    return {};
}

Status send_trigger(Domain& domain, const xen_domctl_sendtrigger& op) {
    Vcpu* vcpu = TRY(vcpu_of(domain, op.vcpu));
    switch (op.trigger) {
    case XEN_DOMCTL_SENDTRIGGER_NMI: arch_send_nmi(*vcpu); return {};
    case XEN_DOMCTL_SENDTRIGGER_POWER:
    case XEN_DOMCTL_SENDTRIGGER_SLEEP: return Errno::inval; // buttons of an HVM guest's ACPI
    default: return Errno::nosys;
    }
}

// --- TSC -------------------------------------------------------------------------------------------------------------

void get_tsc(const Domain& domain, xen_domctl_tsc_info& op) {
    op = {};
    op.tsc_mode = domain.arch.tsc_mode;
    op.gtsc_khz = domain.arch.tsc_khz ? domain.arch.tsc_khz : cpu_khz();
    op.incarnation = domain.arch.tsc_incarnation;
    op.elapsed_nsec = domain.arch.tsc_elapsed_ns + now_ns();
}

/// PV guests read the machine's TSC whatever the mode: system time comes from the PV clock.
Status set_tsc(Domain& domain, const xen_domctl_tsc_info& op) {
    constexpr u32 mode_default = 0, mode_never_emulate = 2;
    if (&domain == current().domain || op.tsc_mode > mode_never_emulate) return Errno::inval;
    if (op.tsc_mode != mode_default && op.tsc_mode != mode_never_emulate) return Errno::opnotsupp;
    domain.arch.tsc_mode = op.tsc_mode;
    domain.arch.tsc_khz = op.gtsc_khz;
    domain.arch.tsc_elapsed_ns = op.elapsed_nsec - now_ns();
    domain.arch.tsc_incarnation = op.incarnation;
    return {};
}

/// Runs `change` on a vCPU that stands still, its registers in memory.
template <typename Change> Result<Copyback> on_vcpu(Domain& domain, u32 id, Copyback copyback, Change change) {
    if (&domain == current().domain) return Errno::inval;
    Vcpu* vcpu = TRY(vcpu_of(domain, id));
    vcpu_pause(*vcpu);
    vcpu_sync_state(*vcpu);
    const Status done = change(*vcpu);
    vcpu_unpause(*vcpu);
    return done ? Result<Copyback>(copyback) : Result<Copyback>(done.error());
}

} // namespace

void arch_send_nmi(Vcpu& vcpu) {
    vcpu.arch.pv.nmi_pending = true;
    vcpu.arch.exit_work = 1;
    vcpu_unblock(vcpu);
    vcpu_kick(vcpu);
}

Result<Copyback> arch_domctl(Domain& domain, xen_domctl& op) {
    switch (op.cmd) {
    case XEN_DOMCTL_getpageframeinfo3: TRY(page_frame_info(domain, op.u.getpageframeinfo3)); return Copyback::no;
    case XEN_DOMCTL_hypercall_init: TRY(hypercall_init(domain, op.u.hypercall_init.gmfn)); return Copyback::no;
    case XEN_DOMCTL_get_address_size: op.u.address_size.size = 64; return Copyback::yes;
    case XEN_DOMCTL_set_address_size:
        if (op.u.address_size.size != 64) return op.u.address_size.size == 32 ? Errno::opnotsupp : Errno::inval;
        return Copyback::no;
    case XEN_DOMCTL_sendtrigger: TRY(send_trigger(domain, op.u.sendtrigger)); return Copyback::no;
    case XEN_DOMCTL_gettscinfo: get_tsc(domain, op.u.tsc_info); return Copyback::yes;
    case XEN_DOMCTL_settscinfo: TRY(set_tsc(domain, op.u.tsc_info)); return Copyback::no;
    case XEN_DOMCTL_get_cpu_policy: TRY(domctl_get_cpu_policy(domain, op.u.cpu_policy)); return Copyback::yes;
    case XEN_DOMCTL_set_cpu_policy:
        if (&domain == current().domain || domain.creation_finished) return Errno::inval;
        TRY(domctl_set_cpu_policy(domain, op.u.cpu_policy));
        return Copyback::no;
    case XEN_DOMCTL_shadow_op:
        if (&domain == current().domain) return Errno::inval;
        if (op.u.shadow_op.op != XEN_DOMCTL_SHADOW_OP_OFF) return Errno::opnotsupp;
        return Copyback::no;
    case XEN_DOMCTL_gethvmcontext:
    case XEN_DOMCTL_sethvmcontext:
    case XEN_DOMCTL_gethvmcontext_partial: return Errno::inval;
    case XEN_DOMCTL_ioport_mapping:
    case XEN_DOMCTL_bind_pt_irq:
    case XEN_DOMCTL_unbind_pt_irq:
    case XEN_DOMCTL_debug_op: return Errno::opnotsupp;
    case XEN_DOMCTL_get_ext_vcpucontext:
        return on_vcpu(domain, op.u.ext_vcpucontext.vcpu, Copyback::yes,
                       [&](Vcpu& vcpu) { return get_ext_context(vcpu.arch.pv, op.u.ext_vcpucontext); });
    case XEN_DOMCTL_set_ext_vcpucontext:
        return on_vcpu(domain, op.u.ext_vcpucontext.vcpu, Copyback::no,
                       [&](Vcpu& vcpu) { return set_ext_context(vcpu.arch.pv, op.u.ext_vcpucontext); });
    case XEN_DOMCTL_getvcpuextstate:
        return on_vcpu(domain, op.u.vcpuextstate.vcpu, Copyback::yes,
                       [&](Vcpu& vcpu) { return domctl_get_vcpuextstate(vcpu, op.u.vcpuextstate); });
    case XEN_DOMCTL_setvcpuextstate:
        return on_vcpu(domain, op.u.vcpuextstate.vcpu, Copyback::no,
                       [&](Vcpu& vcpu) { return domctl_set_vcpuextstate(vcpu, op.u.vcpuextstate); });
    case XEN_DOMCTL_get_vcpu_msrs:
        return on_vcpu(domain, op.u.vcpu_msrs.vcpu, Copyback::yes,
                       [&](Vcpu& vcpu) { return get_msrs(vcpu, op.u.vcpu_msrs); });
    case XEN_DOMCTL_set_vcpu_msrs:
        return on_vcpu(domain, op.u.vcpu_msrs.vcpu, Copyback::yes,
                       [&](Vcpu& vcpu) { return set_msrs(vcpu, op.u.vcpu_msrs); });
    default: return Errno::nosys;
    }
}

} // namespace hv
