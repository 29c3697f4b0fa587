// SPDX-License-Identifier: MIT
// domctl operations on one vCPU.
#include "core/domctl/control.hpp"
#include "core/mm/heap.hpp"

namespace hv {

namespace {

struct ContextBuffer {
    vcpu_guest_context_t* context = make<vcpu_guest_context_t>();
    ~ContextBuffer() { destroy(context); }
};

Status set_context(Domain& domain, const xen_domctl_vcpucontext& op) {
    Vcpu* vcpu = domain_vcpu(domain, op.vcpu);
    if (&domain == current().domain || !vcpu) return Errno::inval;
    if (domain.dying.load() != Domain::Dying::no) // its page references would never be dropped
        return Errno::srch;
    const GuestIn<vcpu_guest_context_t> guest(op.ctxt);
    if (guest.null()) return Errno::opnotsupp; // vCPU reset
    const ContextBuffer buffer;
    if (!buffer.context) return Errno::no_mem;
    TRY(guest.read(*buffer.context));
    domain_pause(domain);
    Status status;
    {
        const Guard guard(domain.lock);
        status = arch_set_context(*vcpu, *buffer.context);
        if (status.ok()) {
            vcpu->initialised = true;
            if (buffer.context->flags & VGCF_online)
                vcpu->pause_flags.fetch_and(~PauseFlag::down);
            else
                vcpu->pause_flags.fetch_or(PauseFlag::down);
        }
    }
    domain_unpause(domain);
    return status;
}

Status get_context(Domain& domain, const xen_domctl_vcpucontext& op) {
    if (&domain == current().domain) return Errno::inval;
    Vcpu* vcpu = TRY(vcpu_of(domain, op.vcpu));
    if (!vcpu->initialised) return Errno::no_data;
    const ContextBuffer buffer;
    if (!buffer.context) return Errno::no_mem;
    vcpu_pause(*vcpu);
    arch_get_context(*vcpu, *buffer.context);
    vcpu_unpause(*vcpu);
    return GuestOut<vcpu_guest_context_t>(op.ctxt).write(*buffer.context);
}

Status get_info(Domain& domain, xen_domctl_getvcpuinfo& op) {
    const Vcpu* vcpu = TRY(vcpu_of(domain, op.vcpu));
    const u32 flags = vcpu->pause_flags.load();
    op.online = !(flags & PauseFlag::down);
    op.blocked = (flags & PauseFlag::blocked) != 0;
    op.running = vcpu->is_running.load();
    op.cpu_time = vcpu_cpu_time_ns(*vcpu);
    op.cpu = read_once(vcpu->processor);
    return {};
}

Result<Vcpu*> affinity_vcpu(Domain& domain, const xen_domctl_vcpuaffinity& op) {
    constexpr u32 which = XEN_VCPUAFFINITY_HARD | XEN_VCPUAFFINITY_SOFT;
    if (!(op.flags & (which | XEN_VCPUAFFINITY_FORCE)) || (op.flags & ~(which | XEN_VCPUAFFINITY_FORCE)))
        return Errno::inval;
    return vcpu_of(domain, op.vcpu);
}

Status set_affinity(Domain& domain, xen_domctl_vcpuaffinity& op) {
    Vcpu& vcpu = *TRY(affinity_vcpu(domain, op));
    CpuMask hard, soft, old_hard, old_soft;
    if (op.flags & XEN_VCPUAFFINITY_FORCE) sched_undo_pin_override(vcpu);
    sched_get_affinity(vcpu, old_hard, old_soft);
    if (op.flags & XEN_VCPUAFFINITY_HARD) {
        TRY(mask_from_guest(hard, op.cpumap_hard));
        hard = hard & online_cpus;
        TRY(sched_set_affinity(vcpu, &hard, nullptr));
        TRY(mask_to_guest(op.cpumap_hard, hard));
    } else {
        hard = old_hard & online_cpus;
    }
    if (op.flags & XEN_VCPUAFFINITY_SOFT) {
        Status status = mask_from_guest(soft, op.cpumap_soft);
        if (status.ok()) status = sched_set_affinity(vcpu, nullptr, &soft);
        if (!status.ok()) {
            if (op.flags & XEN_VCPUAFFINITY_HARD) static_cast<void>(sched_set_affinity(vcpu, &old_hard, nullptr));
            return status;
        }
        TRY(mask_to_guest(op.cpumap_soft, soft & hard));
    }
    return {};
}

Status get_affinity(Domain& domain, xen_domctl_vcpuaffinity& op) {
    Vcpu& vcpu = *TRY(affinity_vcpu(domain, op));
    CpuMask hard, soft;
    sched_get_affinity(vcpu, hard, soft);
    if (op.flags & XEN_VCPUAFFINITY_HARD) TRY(mask_to_guest(op.cpumap_hard, hard & present_cpus()));
    if (op.flags & XEN_VCPUAFFINITY_SOFT) TRY(mask_to_guest(op.cpumap_soft, soft & present_cpus()));
    return {};
}

} // namespace

Result<Copyback> domctl_vcpu(Domain& domain, xen_domctl& op) {
    switch (op.cmd) {
    case XEN_DOMCTL_setvcpucontext: TRY(set_context(domain, op.u.vcpucontext)); return Copyback::no;
    case XEN_DOMCTL_getvcpucontext: TRY(get_context(domain, op.u.vcpucontext)); return Copyback::no;
    case XEN_DOMCTL_getvcpuinfo: TRY(get_info(domain, op.u.getvcpuinfo)); return Copyback::yes;
    case XEN_DOMCTL_setvcpuaffinity: TRY(set_affinity(domain, op.u.vcpuaffinity)); return Copyback::no;
    case XEN_DOMCTL_getvcpuaffinity: TRY(get_affinity(domain, op.u.vcpuaffinity)); return Copyback::no;
    default: return Errno::nosys;
    }
}

} // namespace hv
