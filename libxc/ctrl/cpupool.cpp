// SPDX-License-Identifier: MIT
#include <cerrno>

#include "ctrl/call.hpp"

namespace hospes::xc {
namespace {

long pool_op(Control& control, xen_sysctl_cpupool_op& request) {
    xen_sysctl op{};
    op.cmd = XEN_SYSCTL_cpupool_op;
    op.u.cpupool_op = request;
    const long result = control.sysctl(op);
    request = op.u.cpupool_op;
    return result;
}

Status pool_status(long result, std::string what) {
    return result < 0 ? Status(error(std::move(what), static_cast<int>(-result))) : Status();
}

std::string pool_text(std::uint32_t pool) { return "CPU pool " + std::to_string(pool); }

} // namespace

Result<std::uint32_t> Control::pool_create(unsigned scheduler) {
    xen_sysctl_cpupool_op request{};
    request.op = XEN_SYSCTL_CPUPOOL_OP_CREATE;
    request.cpupool_id = XEN_SYSCTL_CPUPOOL_PAR_ANY;
    request.sched_id = scheduler;
    if (const long result = pool_op(*this, request); result < 0)
        return error("create a CPU pool", static_cast<int>(-result));
    return request.cpupool_id;
}

Status Control::pool_destroy(std::uint32_t pool) {
    xen_sysctl_cpupool_op request{};
    request.op = XEN_SYSCTL_CPUPOOL_OP_DESTROY;
    request.cpupool_id = pool;
    return pool_status(pool_op(*this, request), "destroy " + pool_text(pool));
}

Status Control::pool_add_cpu(std::uint32_t pool, unsigned cpu) {
    xen_sysctl_cpupool_op request{};
    request.op = XEN_SYSCTL_CPUPOOL_OP_ADDCPU;
    request.cpupool_id = pool;
    request.cpu = cpu;
    return pool_status(pool_op(*this, request), "add CPU " + std::to_string(cpu) + " to " + pool_text(pool));
}

Status Control::pool_remove_cpu(std::uint32_t pool, unsigned cpu) {
    xen_sysctl_cpupool_op request{};
    request.op = XEN_SYSCTL_CPUPOOL_OP_RMCPU;
    request.cpupool_id = pool;
    request.cpu = cpu;
    // EAGAIN: the CPU is active in the hypervisor at this moment; the ABI promises that a retry
    // succeeds soon, so a bounded number of them is no wait.
    long result = -EAGAIN;
    for (int tries = 0; tries < 20 && result == -EAGAIN; ++tries)
        result = pool_op(*this, request);
    return pool_status(result, "remove CPU " + std::to_string(cpu) + " from " + pool_text(pool));
}

Status Control::pool_move_domain(std::uint32_t pool, DomId domain) {
    xen_sysctl_cpupool_op request{};
    request.op = XEN_SYSCTL_CPUPOOL_OP_MOVEDOMAIN;
    request.cpupool_id = pool;
    request.domid = domain;
    return pool_status(pool_op(*this, request), "move domain " + std::to_string(domain) + " to " + pool_text(pool));
}

} // namespace hospes::xc
