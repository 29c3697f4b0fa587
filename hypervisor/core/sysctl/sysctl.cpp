// SPDX-License-Identifier: MIT
// Hypercalls sysctl (xen/sysctl.h) and xsm_op.
#include "core/debug/console.hpp"
#include "core/domctl/control.hpp"
#include "core/hypercall/table.hpp"
#include "core/mm/heap.hpp"
#include "core/xsm/check.hpp"

namespace hv {

namespace {

SpinLock sysctl_lock{LockRank::domctl};

Status domain_list(xen_sysctl_getdomaininfolist& op) {
    op.num_domains = 0;
    if (op.max_domains == 0) return {};
    const GuestOut<xen_domctl_getdomaininfo_t> out(op.buffer);
    auto first = DomainRef::find(Domid{op.first_domain});
    DomainRef domain = first.ok() ? std::move(first).value() : domain_after(Domid{op.first_domain});
    for (; domain && op.num_domains < op.max_domains; domain = domain_next(&*domain)) {
        xen_domctl_getdomaininfo info;
        domain_info(*domain, info);
        TRY(out.offset(op.num_domains).write(info));
        ++op.num_domains;
    }
    return {};
}

Status debug_keys(const xen_sysctl_debug_keys& op) {
    for (u32 i = 0; i < op.nr_keys; ++i) {
        console_handle_key(TRY(read_guest<char>(reinterpret_cast<u64>(op.keys.p + i))));
    }
    return {};
}

Status cpu_info_list(xen_sysctl_getcpuinfo& op) {
    const CpuId total = present_cpus().count();
    const CpuId wanted = op.max_cpus < total ? op.max_cpus : total;
    for (op.nr_cpus = 0; op.nr_cpus < wanted; ++op.nr_cpus)
        TRY(GuestOut<xen_sysctl_cpuinfo_t>(op.info)
                .offset(op.nr_cpus)
                .write({online_cpus.test(op.nr_cpus) ? cpu_idle_time_ns(op.nr_cpus) : 0}));
    return {};
}

/// No frequency driver: what Xen answers then, and what xenpm takes for "not available".
Result<Copyback> power_management(xen_sysctl_pm_op& op) {
    switch (op.cmd) {
    case XEN_SYSCTL_pm_op_get_max_cstate: op.u.get_max_cstate = XEN_SYSCTL_CX_UNLIMITED; return Copyback::yes;
    case XEN_SYSCTL_pm_op_set_sched_opt_smt:
    case XEN_SYSCTL_pm_op_set_max_cstate:
    case XEN_SYSCTL_pm_op_set_vcpu_migration_delay:
    case XEN_SYSCTL_pm_op_get_vcpu_migration_delay: return Errno::opnotsupp;
    default: return Errno::no_dev;
    }
}

Result<Copyback> dispatch(xen_sysctl& op) {
    switch (op.cmd) {
    case XEN_SYSCTL_readconsole: TRY(console_read_ring(op.u.readconsole)); return Copyback::yes;
    case XEN_SYSCTL_sched_id: op.u.sched_id.sched_id = sched_id_reported; return Copyback::yes;
    case XEN_SYSCTL_getdomaininfolist: TRY(domain_list(op.u.getdomaininfolist)); return Copyback::yes;
    case XEN_SYSCTL_debug_keys: TRY(debug_keys(op.u.debug_keys)); return Copyback::no;
    case XEN_SYSCTL_getcpuinfo: TRY(cpu_info_list(op.u.getcpuinfo)); return Copyback::yes;
    case XEN_SYSCTL_availheap: {
        auto& a = op.u.availheap;
        a.avail_bytes = heap_free_pages(a.min_bitwidth, a.max_bitwidth ? a.max_bitwidth : 64, a.node) << page_shift;
        return Copyback::yes;
    }
    case XEN_SYSCTL_get_pmstat:
        if (op.u.get_pmstat.cpuid >= max_cpus || !online_cpus.test(op.u.get_pmstat.cpuid)) return Errno::inval;
        return Errno::no_dev;
    case XEN_SYSCTL_pm_op: return power_management(op.u.pm_op);
    case XEN_SYSCTL_scheduler_op: TRY(sched_adjust_global(op.u.scheduler_op)); return Copyback::yes;
    case XEN_SYSCTL_cpupool_op: return cpupool_op(op.u.cpupool_op);
    case XEN_SYSCTL_cpu_hotplug:
    case XEN_SYSCTL_coverage_op:
    case XEN_SYSCTL_livepatch_op:
    case XEN_SYSCTL_psr_alloc: return Errno::opnotsupp;
    case XEN_SYSCTL_psr_cmt_op: return Errno::no_dev;
    default: {
        auto result = sysctl_machine(op);
        return result.ok() || result.error() != Errno::nosys ? std::move(result) : arch_sysctl(op);
    }
    }
}

} // namespace

Result<s64> hypercall::sysctl(HypercallArgs& args) {
    const GuestInOut<xen_sysctl> guest(args.a[0]);
    xen_sysctl op;
    TRY(guest.read(op));
    if (op.interface_version != XEN_SYSCTL_INTERFACE_VERSION) return Errno::access;
    TRY(xsm_check(XsmOp::sysctl));
    if (!sysctl_lock.try_lock()) return Errno::restart;
    auto result = dispatch(op);
    sysctl_lock.unlock();
    if (!result.ok()) return result.error();
    if (result.value() == Copyback::yes) TRY(guest.write(op));
    return s64{0};
}

/// No FLASK: the toolstack takes -ENOSYS for "labels are off".
Result<s64> hypercall::xsm_op(HypercallArgs&) { return Errno::nosys; }

} // namespace hv
