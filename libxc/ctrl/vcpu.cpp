// SPDX-License-Identifier: MIT
#include <cerrno>

#include "ctrl/call.hpp"

namespace hospes::xc {
namespace {

std::string vcpu_name(DomId domain, unsigned vcpu) {
    return "vCPU " + std::to_string(vcpu) + " of domain " + std::to_string(domain);
}

} // namespace

Status Control::set_context(DomId domain, unsigned vcpu, const vcpu_guest_context_t& context) {
    Buffer<vcpu_guest_context_t> buffer(transport_);
    if (!buffer) return error("set up " + vcpu_name(domain, vcpu), ENOMEM);
    *buffer = context;
    return simple_domctl(*this, domain, XEN_DOMCTL_setvcpucontext, "set the first vCPU context of",
                         [&](xen_domctl& op) {
                             op.u.vcpucontext.vcpu = vcpu;
                             xc::set_handle(op.u.vcpucontext.ctxt, buffer.data());
                         });
}

Result<vcpu_guest_context_t> Control::get_context(DomId domain, unsigned vcpu) {
    Buffer<vcpu_guest_context_t> buffer(transport_);
    if (!buffer) return error("read " + vcpu_name(domain, vcpu), ENOMEM);
    xen_domctl op{};
    op.cmd = XEN_DOMCTL_getvcpucontext;
    op.domain = domain;
    op.u.vcpucontext.vcpu = vcpu;
    xc::set_handle(op.u.vcpucontext.ctxt, buffer.data());
    if (const long result = domctl(op); result < 0)
        return error("read " + vcpu_name(domain, vcpu), static_cast<int>(-result));
    return *buffer;
}

Result<xen_domctl_getvcpuinfo> Control::vcpu_info(DomId domain, unsigned vcpu) {
    xen_domctl op{};
    op.cmd = XEN_DOMCTL_getvcpuinfo;
    op.domain = domain;
    op.u.getvcpuinfo.vcpu = vcpu;
    if (const long result = domctl(op); result < 0)
        return error("look up " + vcpu_name(domain, vcpu), static_cast<int>(-result));
    return op.u.getvcpuinfo;
}

Status Control::set_affinity(DomId domain, unsigned vcpu, const BitWords* hard, const BitWords* soft, bool force) {
    const BitmapArgument hard_map(transport_, hard ? hard->size() * 8 : 8, hard);
    const BitmapArgument soft_map(transport_, soft ? soft->size() * 8 : 8, soft);
    if (!hard_map || !soft_map) return error("pin " + vcpu_name(domain, vcpu), ENOMEM);
    return simple_domctl(*this, domain, XEN_DOMCTL_setvcpuaffinity, "set the CPU affinity of", [&](xen_domctl& op) {
        op.u.vcpuaffinity.vcpu = vcpu;
        op.u.vcpuaffinity.flags = (hard ? XEN_VCPUAFFINITY_HARD : 0U) | (soft ? XEN_VCPUAFFINITY_SOFT : 0U) |
                                  (force ? XEN_VCPUAFFINITY_FORCE : 0U);
        if (hard) hard_map.describe(op.u.vcpuaffinity.cpumap_hard);
        if (soft) soft_map.describe(op.u.vcpuaffinity.cpumap_soft);
    });
}

Result<std::pair<BitWords, BitWords>> Control::get_affinity(DomId domain, unsigned vcpu, unsigned cpus) {
    const BitmapArgument hard(transport_, cpus), soft(transport_, cpus);
    if (!hard || !soft) return error("read the affinity of " + vcpu_name(domain, vcpu), ENOMEM);
    xen_domctl op{};
    op.cmd = XEN_DOMCTL_getvcpuaffinity;
    op.domain = domain;
    op.u.vcpuaffinity.vcpu = vcpu;
    op.u.vcpuaffinity.flags = XEN_VCPUAFFINITY_HARD | XEN_VCPUAFFINITY_SOFT;
    hard.describe(op.u.vcpuaffinity.cpumap_hard);
    soft.describe(op.u.vcpuaffinity.cpumap_soft);
    if (const long result = domctl(op); result < 0)
        return error("read the affinity of " + vcpu_name(domain, vcpu), static_cast<int>(-result));
    return std::pair{hard.words(), soft.words()};
}

Status Control::set_node_affinity(DomId domain, const BitWords& nodes) {
    const BitmapArgument map(transport_, nodes.size() * 8, &nodes);
    if (!map) return error("set the node affinity of domain " + std::to_string(domain), ENOMEM);
    return simple_domctl(*this, domain, XEN_DOMCTL_setnodeaffinity, "set the node affinity of",
                         [&](xen_domctl& op) { map.describe(op.u.nodeaffinity.nodemap); });
}

Result<BitWords> Control::get_node_affinity(DomId domain, unsigned nodes) {
    const BitmapArgument map(transport_, nodes);
    if (!map) return error("read the node affinity of domain " + std::to_string(domain), ENOMEM);
    xen_domctl op{};
    op.cmd = XEN_DOMCTL_getnodeaffinity;
    op.domain = domain;
    map.describe(op.u.nodeaffinity.nodemap);
    if (const long result = domctl(op); result < 0)
        return error("read the node affinity of domain " + std::to_string(domain), static_cast<int>(-result));
    return map.words();
}

Result<xen_domctl_sched_credit2> Control::credit2_get(DomId domain) {
    xen_domctl op{};
    op.cmd = XEN_DOMCTL_scheduler_op;
    op.domain = domain;
    op.u.scheduler_op.sched_id = XEN_SCHEDULER_CREDIT2;
    op.u.scheduler_op.cmd = XEN_DOMCTL_SCHEDOP_getinfo;
    if (const long result = domctl(op); result < 0)
        return error("read the scheduling of domain " + std::to_string(domain), static_cast<int>(-result));
    return op.u.scheduler_op.u.credit2;
}

Status Control::credit2_set(DomId domain, const xen_domctl_sched_credit2& params) {
    return simple_domctl(*this, domain, XEN_DOMCTL_scheduler_op, "set the scheduling of", [&](xen_domctl& op) {
        op.u.scheduler_op.sched_id = XEN_SCHEDULER_CREDIT2;
        op.u.scheduler_op.cmd = XEN_DOMCTL_SCHEDOP_putinfo;
        op.u.scheduler_op.u.credit2 = params;
    });
}

} // namespace hospes::xc
