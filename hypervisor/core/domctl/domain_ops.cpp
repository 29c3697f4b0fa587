// SPDX-License-Identifier: MIT
// domctl operations on a whole domain.
#include "core/domctl/control.hpp"
#include "core/evtchn/evtchn.hpp"
#include "core/mm/heap.hpp"
#include "core/xsm/check.hpp"
#include "time/pvclock.hpp"

namespace hv {

namespace {

Status max_vcpus(Domain& domain, u32 max) {
    if (max != domain.max_vcpus || &domain == current().domain || domain.dying.load() != Domain::Dying::no)
        return Errno::inval;
    for (VcpuId id = 0; id < max; ++id)
        TRY(vcpu_create(domain, id));
    return {};
}

void max_mem(Domain& domain, u64 kib) {
    const u64 pages = kib >> (page_shift - 10);
    const IrqGuard guard(domain.page_alloc_lock);
    domain.max_pages = pages > ~0U ? ~0U : static_cast<u32>(pages);
}

/// [first, first + count - 1] or -EINVAL; the caller must have what it gives away (-EPERM).
template <typename In> Status permit(RangeSet& to, const RangeSet& own, u64 first, u64 count, u64 limit, const In& op) {
    if (count == 0 || first + count - 1 < first || first + count - 1 >= limit) return Errno::inval;
    if (!own.contains(first, first + count - 1)) return Errno::perm;
    return op.allow_access ? to.add(first, first + count - 1) : to.remove(first, first + count - 1);
}

Status set_node_affinity(Domain& domain, const xenctl_bitmap& map) {
    u64 nodes;
    TRY(bitmap_from_guest(&nodes, 1, map));
    if (!(nodes & node_mask())) return Errno::inval;
    const Guard guard(domain.lock);
    domain.auto_node_affinity = (nodes & node_mask()) == node_mask();
    domain.node_affinity = domain.auto_node_affinity ? ~u64{0} : nodes & node_mask();
    return {};
}

Status set_target(Domain& domain, Domid id) {
    DomainRef target = TRY(DomainRef::find(id));
    if (&*target == &domain || domain.target) return Errno::inval;
    TRY(xsm_check(XsmOp::domctl, *target));
    domain.target = &target.release();
    return {};
}

Status set_debugging(Domain& domain, bool enable) {
    if (&domain == current().domain) return Errno::inval;
    domain_pause(domain);
    domain.debugger_attached = enable;
    domain_unpause(domain);
    return {};
}

/// Passing a device's memory to a PV guest needs only the permission: the guest maps it itself.
Status memory_mapping(Domain& domain, const xen_domctl_memory_mapping& op) {
    const u64 last = op.first_mfn + op.nr_mfns - 1;
    if (op.nr_mfns == 0 || last < op.first_mfn || last >> (52 - page_shift) ||
        op.first_gfn + op.nr_mfns - 1 < op.first_gfn)
        return Errno::inval;
    if (!current().domain->iomem_allowed.contains(op.first_mfn, last) ||
        !domain.iomem_allowed.contains(op.first_mfn, last))
        return Errno::perm;
    return {};
}

/// What a domain may touch of the machine.
Status machine_rights(Domain& domain, xen_domctl& op) {
    const Domain& self = *current().domain;
    switch (op.cmd) {
    case XEN_DOMCTL_irq_permission:
        return permit(domain.irqs_allowed, self.irqs_allowed, op.u.irq_permission.pirq, 1, u64{1} << 32,
                      op.u.irq_permission);
    case XEN_DOMCTL_iomem_permission:
        return permit(domain.iomem_allowed, self.iomem_allowed, op.u.iomem_permission.first_mfn,
                      op.u.iomem_permission.nr_mfns, u64{1} << (52 - page_shift), op.u.iomem_permission);
    case XEN_DOMCTL_ioport_permission:
        return permit(domain.arch.ioports_allowed, self.arch.ioports_allowed, op.u.ioport_permission.first_port,
                      op.u.ioport_permission.nr_ports, 0x10000, op.u.ioport_permission);
    case XEN_DOMCTL_memory_mapping: return memory_mapping(domain, op.u.memory_mapping);
    default: return Errno::nosys;
    }
}

/// Operations of features that are not built.
bool known_but_unbuilt(u32 cmd) {
    switch (cmd) {
    case XEN_DOMCTL_soft_reset:
    case XEN_DOMCTL_setvnumainfo:
    case XEN_DOMCTL_vm_event_op:
    case XEN_DOMCTL_mem_sharing_op:
    case XEN_DOMCTL_monitor_op:
    case XEN_DOMCTL_set_access_required:
    case XEN_DOMCTL_audit_p2m:
    case XEN_DOMCTL_vmtrace_op:
    case XEN_DOMCTL_psr_cmt_op:
    case XEN_DOMCTL_psr_alloc:
    case XEN_DOMCTL_get_paging_mempool_size:
    case XEN_DOMCTL_set_paging_mempool_size: return true;
    default: return false;
    }
}

bool needs_other_domain(u32 cmd) {
    return cmd == XEN_DOMCTL_pausedomain || cmd == XEN_DOMCTL_resumedomain || cmd == XEN_DOMCTL_destroydomain;
}

} // namespace

Result<Copyback> domctl_domain(Domain& domain, xen_domctl& op) {
    const Domain& self = *current().domain;
    if (needs_other_domain(op.cmd) && &domain == &self) return Errno::inval;
    switch (op.cmd) {
    case XEN_DOMCTL_destroydomain: TRY(domain_kill(domain)); break;
    case XEN_DOMCTL_pausedomain: TRY(domain_pause_by_controller(domain)); break;
    case XEN_DOMCTL_unpausedomain: TRY(domain_unpause_by_controller(domain)); break;
    case XEN_DOMCTL_resumedomain: TRY(domain_resume(domain)); break;
    case XEN_DOMCTL_max_vcpus: TRY(max_vcpus(domain, op.u.max_vcpus.max)); break;
    case XEN_DOMCTL_max_mem: max_mem(domain, op.u.max_mem.max_memkb); break;
    case XEN_DOMCTL_scheduler_op: TRY(sched_adjust(domain, op.u.scheduler_op)); return Copyback::yes;
    case XEN_DOMCTL_setdomainhandle:
        __builtin_memcpy(domain.handle, op.u.setdomainhandle.handle, sizeof(domain.handle));
        break;
    case XEN_DOMCTL_setdebugging: TRY(set_debugging(domain, op.u.setdebugging.enable != 0)); break;
    case XEN_DOMCTL_irq_permission:
    case XEN_DOMCTL_iomem_permission:
    case XEN_DOMCTL_ioport_permission:
    case XEN_DOMCTL_memory_mapping: TRY(machine_rights(domain, op)); break;
    case XEN_DOMCTL_settimeoffset:
        domain.time_offset_seconds = op.u.settimeoffset.time_offset_seconds;
        update_domain_wallclock(domain);
        break;
    case XEN_DOMCTL_setnodeaffinity: TRY(set_node_affinity(domain, op.u.nodeaffinity.nodemap)); break;
    case XEN_DOMCTL_getnodeaffinity: {
        const u64 nodes = domain.node_affinity & node_mask();
        TRY(bitmap_to_guest(op.u.nodeaffinity.nodemap, &nodes, 1));
        break;
    }
    case XEN_DOMCTL_set_target: TRY(set_target(domain, Domid{op.u.set_target.target})); break;
    case XEN_DOMCTL_subscribe: domain.suspend_port = Port{op.u.subscribe.port}; break;
    case XEN_DOMCTL_set_virq_handler:
        if (op.u.set_virq_handler.virq >= NR_VIRQS || !evtchn_virq_is_global(op.u.set_virq_handler.virq))
            return Errno::inval;
        TRY(evtchn_set_global_virq_handler(domain, op.u.set_virq_handler.virq));
        break;
    default: return known_but_unbuilt(op.cmd) ? Errno::opnotsupp : Errno::nosys;
    }
    return Copyback::no;
}

} // namespace hv
