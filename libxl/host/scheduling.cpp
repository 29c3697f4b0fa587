// SPDX-License-Identifier: MIT
#include "libxl/host/scheduling.hpp"

#include <cerrno>

namespace hospes::xl {
namespace {

std::string of_domain(xc::DomId domain) { return "set the scheduling of domain " + std::to_string(domain); }

Error wrong_scheduler(xc::DomId domain, Scheduler has, Scheduler wanted) {
    return error(of_domain(domain), EINVAL,
                 "its CPU pool is scheduled by " + std::string(to_string(has)) + ", not by " +
                     std::string(to_string(wanted)),
                 "see `xl cpupool-list`");
}

xen_domctl_scheduler_op request(Scheduler scheduler, unsigned command) {
    xen_domctl_scheduler_op op{};
    op.sched_id = static_cast<std::uint32_t>(scheduler);
    op.cmd = command;
    return op;
}

Status check_weights(xc::DomId domain, const DomainScheduling& change, unsigned vcpus) {
    if (change.weight && (*change.weight < 1 || *change.weight > 65535))
        return error(of_domain(domain), EINVAL, "weight " + std::to_string(*change.weight) + " is out of range",
                     "weights are 1 to 65535, 256 is the default");
    if (change.cap && *change.cap > vcpus * 100)
        return error(of_domain(domain), EINVAL, "cap " + std::to_string(*change.cap) + " is out of range",
                     "0 to " + std::to_string(vcpus * 100) + " percent of one CPU for its " + std::to_string(vcpus) +
                         " vCPU(s); 0 means no cap");
    return {};
}

Status check_rtds(xc::DomId domain, unsigned period, unsigned budget) {
    if (period < 1 || budget < 1 || budget > period)
        return error(of_domain(domain), EINVAL,
                     "budget " + std::to_string(budget) + " us in a period of " + std::to_string(period) +
                         " us is impossible",
                     "both are at least 1 and the budget fits into the period");
    return {};
}

/// credit and credit2 keep the same two numbers in different members of the union.
void merge_weights(xen_domctl_scheduler_op& op, Scheduler scheduler, const DomainScheduling& change) {
    const auto merge = [&](auto& kept) {
        if (change.weight) kept.weight = static_cast<std::uint16_t>(*change.weight);
        if (change.cap) kept.cap = static_cast<std::uint16_t>(*change.cap);
    };
    if (scheduler == Scheduler::credit)
        merge(op.u.credit);
    else
        merge(op.u.credit2);
}

} // namespace

Result<Scheduler> scheduler_of(Host& host, xc::DomId domain) {
    xc::Control* const control = HOSPES_TRY(host.control());
    const std::uint32_t pool = HOSPES_TRY(control->info(domain)).cpupool;
    for (const xc::Control::Pool& p : HOSPES_TRY(control->pools()))
        if (p.id == pool) return static_cast<Scheduler>(p.scheduler);
    return error("find the scheduler of domain " + std::to_string(domain), ENOENT, "its CPU pool is gone");
}

Result<DomainScheduling> domain_scheduling(Host& host, xc::DomId domain) {
    xc::Control* const control = HOSPES_TRY(host.control());
    DomainScheduling out;
    out.scheduler = HOSPES_TRY(scheduler_of(host, domain));
    if (out.scheduler != Scheduler::credit && out.scheduler != Scheduler::credit2 && out.scheduler != Scheduler::rtds)
        return out; // null and arinc653 keep nothing per domain
    xen_domctl_scheduler_op op = request(out.scheduler, XEN_DOMCTL_SCHEDOP_getinfo);
    HOSPES_TRY(control->domain_sched(domain, op));
    if (out.scheduler == Scheduler::credit) {
        out.weight = op.u.credit.weight;
        out.cap = op.u.credit.cap;
    } else if (out.scheduler == Scheduler::credit2) {
        out.weight = op.u.credit2.weight;
        out.cap = op.u.credit2.cap;
    } else {
        out.period_us = op.u.rtds.period;
        out.budget_us = op.u.rtds.budget;
        out.extra_time = (op.u.rtds.flags & XEN_DOMCTL_SCHEDRT_extra) != 0;
    }
    return out;
}

Status set_domain_scheduling(Host& host, xc::DomId domain, const DomainScheduling& change) {
    xc::Control* const control = HOSPES_TRY(host.control());
    const Scheduler has = HOSPES_TRY(scheduler_of(host, domain));
    if (has != change.scheduler) return wrong_scheduler(domain, has, change.scheduler);
    xen_domctl_scheduler_op op = request(has, XEN_DOMCTL_SCHEDOP_getinfo);
    HOSPES_TRY(control->domain_sched(domain, op));
    if (has == Scheduler::rtds) {
        if (change.period_us) op.u.rtds.period = *change.period_us;
        if (change.budget_us) op.u.rtds.budget = *change.budget_us;
        if (change.extra_time) op.u.rtds.flags = *change.extra_time ? XEN_DOMCTL_SCHEDRT_extra : 0;
        HOSPES_TRY(check_rtds(domain, op.u.rtds.period, op.u.rtds.budget));
    } else {
        const xc::DomainInfo info = HOSPES_TRY(control->info(domain));
        HOSPES_TRY(check_weights(domain, change, info.max_vcpu_id + 1));
        merge_weights(op, has, change);
    }
    op.cmd = XEN_DOMCTL_SCHEDOP_putinfo;
    return control->domain_sched(domain, op);
}

Result<std::vector<VcpuScheduling>> vcpu_scheduling(Host& host, xc::DomId domain, std::vector<unsigned> vcpus) {
    xc::Control* const control = HOSPES_TRY(host.control());
    const Scheduler has = HOSPES_TRY(scheduler_of(host, domain));
    if (has != Scheduler::rtds) return wrong_scheduler(domain, has, Scheduler::rtds);
    const unsigned count = HOSPES_TRY(control->info(domain)).max_vcpu_id + 1;
    if (vcpus.empty())
        for (unsigned vcpu = 0; vcpu < count; ++vcpu)
            vcpus.push_back(vcpu);
    for (const unsigned vcpu : vcpus)
        if (vcpu >= count)
            return error("read the scheduling of domain " + std::to_string(domain), EINVAL,
                         "VCPU index is out of range, valid values are within range from 0 to " +
                             std::to_string(count - 1));
    std::vector<VcpuScheduling> out;
    for (const xen_domctl_schedparam_vcpu& kept : HOSPES_TRY(control->rtds_vcpus(domain, vcpus)))
        out.push_back(
            {kept.vcpuid, kept.u.rtds.period, kept.u.rtds.budget, (kept.u.rtds.flags & XEN_DOMCTL_SCHEDRT_extra) != 0});
    return out;
}

Status set_vcpu_scheduling(Host& host, xc::DomId domain, const std::vector<VcpuScheduling>& change) {
    xc::Control* const control = HOSPES_TRY(host.control());
    const Scheduler has = HOSPES_TRY(scheduler_of(host, domain));
    if (has != Scheduler::rtds) return wrong_scheduler(domain, has, Scheduler::rtds);
    std::vector<xen_domctl_schedparam_vcpu> out;
    for (const VcpuScheduling& one : change) {
        HOSPES_TRY(check_rtds(domain, one.period_us, one.budget_us));
        xen_domctl_schedparam_vcpu kept{};
        kept.vcpuid = one.vcpu;
        kept.u.rtds.period = one.period_us;
        kept.u.rtds.budget = one.budget_us;
        kept.u.rtds.flags = one.extra_time ? XEN_DOMCTL_SCHEDRT_extra : 0;
        out.push_back(kept);
    }
    return control->rtds_set_vcpus(domain, out);
}

Result<PoolScheduling> pool_scheduling(Host& host, std::uint32_t pool, Scheduler scheduler) {
    xc::Control* const control = HOSPES_TRY(host.control());
    xen_sysctl_scheduler_op op{};
    op.cpupool_id = pool;
    op.sched_id = static_cast<std::uint32_t>(scheduler);
    op.cmd = XEN_SYSCTL_SCHEDOP_getinfo;
    HOSPES_TRY(control->pool_sched(op));
    PoolScheduling out;
    if (scheduler == Scheduler::credit) {
        out.timeslice_ms = op.u.sched_credit.tslice_ms;
        out.ratelimit_us = op.u.sched_credit.ratelimit_us;
        out.migration_delay_us = op.u.sched_credit.vcpu_migr_delay_us;
    } else if (scheduler == Scheduler::credit2) {
        out.ratelimit_us = op.u.sched_credit2.ratelimit_us;
    }
    return out;
}

Status set_pool_scheduling(Host& host, std::uint32_t pool, Scheduler scheduler, const PoolScheduling& change) {
    xc::Control* const control = HOSPES_TRY(host.control());
    xen_sysctl_scheduler_op op{};
    op.cpupool_id = pool;
    op.sched_id = static_cast<std::uint32_t>(scheduler);
    op.cmd = XEN_SYSCTL_SCHEDOP_getinfo;
    HOSPES_TRY(control->pool_sched(op));
    if (scheduler == Scheduler::credit) {
        if (change.timeslice_ms) op.u.sched_credit.tslice_ms = *change.timeslice_ms;
        if (change.ratelimit_us) op.u.sched_credit.ratelimit_us = *change.ratelimit_us;
        if (change.migration_delay_us) op.u.sched_credit.vcpu_migr_delay_us = *change.migration_delay_us;
    } else if (change.ratelimit_us) {
        op.u.sched_credit2.ratelimit_us = *change.ratelimit_us;
    }
    op.cmd = XEN_SYSCTL_SCHEDOP_putinfo;
    return control->pool_sched(op);
}

} // namespace hospes::xl
