// SPDX-License-Identifier: MIT
#include <algorithm>
#include <cerrno>

#include "ctrl/call.hpp"

namespace hospes::xc {

Status Control::domain_sched(DomId domain, xen_domctl_scheduler_op& request) {
    xen_domctl op{};
    op.cmd = XEN_DOMCTL_scheduler_op;
    op.domain = domain;
    op.u.scheduler_op = request;
    const long result = domctl(op);
    request = op.u.scheduler_op;
    const bool asks = request.cmd == XEN_DOMCTL_SCHEDOP_getinfo || request.cmd == XEN_DOMCTL_SCHEDOP_getvcpuinfo;
    return status(result, asks ? "read the scheduling of" : "set the scheduling of", domain);
}

Status Control::pool_sched(xen_sysctl_scheduler_op& request) {
    xen_sysctl op{};
    op.cmd = XEN_SYSCTL_scheduler_op;
    op.u.scheduler_op = request;
    const long result = sysctl(op);
    request = op.u.scheduler_op;
    if (result >= 0) return {};
    return error((request.cmd == XEN_SYSCTL_SCHEDOP_getinfo ? "read the scheduler of CPU pool "
                                                            : "set the scheduler of CPU pool ") +
                     std::to_string(request.cpupool_id),
                 static_cast<int>(-result));
}

Result<std::vector<xen_domctl_schedparam_vcpu>> Control::rtds_vcpus(DomId domain, std::span<const unsigned> vcpus) {
    Buffer<xen_domctl_schedparam_vcpu> buffer(transport_, vcpus.size());
    if (!buffer) return error("read the scheduling of domain " + std::to_string(domain), ENOMEM);
    for (std::size_t i = 0; i < vcpus.size(); ++i)
        buffer[i].vcpuid = vcpus[i];
    xen_domctl_scheduler_op op{};
    op.sched_id = XEN_SCHEDULER_RTDS;
    op.cmd = XEN_DOMCTL_SCHEDOP_getvcpuinfo;
    op.u.v.nr_vcpus = static_cast<std::uint32_t>(vcpus.size());
    xc::set_handle(op.u.v.vcpus, buffer.data());
    HOSPES_TRY(domain_sched(domain, op));
    return std::vector<xen_domctl_schedparam_vcpu>(buffer.data(), buffer.data() + vcpus.size());
}

Status Control::rtds_set_vcpus(DomId domain, std::span<const xen_domctl_schedparam_vcpu> vcpus) {
    Buffer<xen_domctl_schedparam_vcpu> buffer(transport_, vcpus.size());
    if (!buffer) return error("set the scheduling of domain " + std::to_string(domain), ENOMEM);
    std::copy(vcpus.begin(), vcpus.end(), buffer.data());
    xen_domctl_scheduler_op op{};
    op.sched_id = XEN_SCHEDULER_RTDS;
    op.cmd = XEN_DOMCTL_SCHEDOP_putvcpuinfo;
    op.u.v.nr_vcpus = static_cast<std::uint32_t>(vcpus.size());
    xc::set_handle(op.u.v.vcpus, buffer.data());
    return domain_sched(domain, op);
}

} // namespace hospes::xc
