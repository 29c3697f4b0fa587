// SPDX-License-Identifier: MIT
// HVM parameters and saved state, and the CPU policy that every type of guest has.
#include <algorithm>
#include <cerrno>

#include "ctrl/call.hpp"

#include <xen/hvm/hvm_op.h>

namespace hospes::xc {

Status Control::set_hvm_param(DomId domain, unsigned index, std::uint64_t value) {
    Buffer<xen_hvm_param_t> param(transport_);
    if (!param) return error("set parameter " + std::to_string(index), ENOMEM);
    param->domid = domain;
    param->index = index;
    param->value = value;
    return status(transport_.hypercall(__HYPERVISOR_hvm_op, {HVMOP_set_param, address_of(param.data())}),
                  ("set parameter " + std::to_string(index) + " of").c_str(), domain);
}

Result<std::uint64_t> Control::get_hvm_param(DomId domain, unsigned index) {
    Buffer<xen_hvm_param_t> param(transport_);
    if (!param) return error("read parameter " + std::to_string(index), ENOMEM);
    param->domid = domain;
    param->index = index;
    const long result = transport_.hypercall(__HYPERVISOR_hvm_op, {HVMOP_get_param, address_of(param.data())});
    if (result < 0)
        return error("read parameter " + std::to_string(index) + " of domain " + std::to_string(domain),
                     static_cast<int>(-result));
    return param->value;
}

Result<std::vector<std::uint8_t>> Control::get_hvm_context(DomId domain) {
    xen_domctl op{};
    op.cmd = XEN_DOMCTL_gethvmcontext;
    op.domain = domain;
    if (const long result = domctl(op); result < 0) // without a buffer: asks for the size
        return error("size the saved state of domain " + std::to_string(domain), static_cast<int>(-result));
    const std::size_t size = op.u.hvmcontext.size;
    Buffer<std::uint8_t> buffer(transport_, size);
    if (!buffer) return error("read the saved state of domain " + std::to_string(domain), ENOMEM);
    op.u.hvmcontext.size = static_cast<std::uint32_t>(size);
    xc::set_handle(op.u.hvmcontext.buffer, buffer.data());
    if (const long result = domctl(op); result < 0)
        return error("read the saved state of domain " + std::to_string(domain), static_cast<int>(-result));
    return std::vector<std::uint8_t>(buffer.data(), buffer.data() + op.u.hvmcontext.size);
}

Status Control::set_hvm_context(DomId domain, std::span<const std::uint8_t> context) {
    Buffer<std::uint8_t> buffer(transport_, context.size());
    if (!buffer) return error("load the saved state of domain " + std::to_string(domain), ENOMEM);
    std::memcpy(buffer.data(), context.data(), context.size());
    return simple_domctl(*this, domain, XEN_DOMCTL_sethvmcontext, "load the saved state of", [&](xen_domctl& op) {
        op.u.hvmcontext.size = static_cast<std::uint32_t>(context.size());
        xc::set_handle(op.u.hvmcontext.buffer, buffer.data());
    });
}

Status Control::set_cpu_policy(DomId domain, std::span<xen_cpuid_leaf_t> leaves, std::span<xen_msr_entry_t> msrs) {
    Buffer<xen_cpuid_leaf_t> leaf_buffer(transport_, leaves.size());
    Buffer<xen_msr_entry_t> msr_buffer(transport_, msrs.size());
    if (!leaf_buffer || !msr_buffer) return error("set the CPU policy of domain " + std::to_string(domain), ENOMEM);
    std::copy(leaves.begin(), leaves.end(), leaf_buffer.data());
    std::copy(msrs.begin(), msrs.end(), msr_buffer.data());
    xen_domctl op{};
    op.cmd = XEN_DOMCTL_set_cpu_policy;
    op.domain = domain;
    op.u.cpu_policy.nr_leaves = static_cast<std::uint32_t>(leaves.size());
    op.u.cpu_policy.nr_msrs = static_cast<std::uint32_t>(msrs.size());
    op.u.cpu_policy.err_leaf = op.u.cpu_policy.err_subleaf = op.u.cpu_policy.err_msr = ~0U;
    xc::set_handle(op.u.cpu_policy.leaves, leaf_buffer.data());
    xc::set_handle(op.u.cpu_policy.msrs, msr_buffer.data());
    const long result = domctl(op);
    if (result >= 0) return {};
    std::string cause;
    if (op.u.cpu_policy.err_leaf != ~0U)
        cause = "CPUID leaf " + std::to_string(op.u.cpu_policy.err_leaf) + " is not possible on this host";
    else if (op.u.cpu_policy.err_msr != ~0U)
        cause = "MSR " + std::to_string(op.u.cpu_policy.err_msr) + " is not possible on this host";
    return error("set the CPU policy of domain " + std::to_string(domain), static_cast<int>(-result), cause);
}

Status Control::get_system_cpu_policy(unsigned index, std::vector<xen_cpuid_leaf_t>& leaves,
                                      std::vector<xen_msr_entry_t>& msrs) {
    xen_sysctl op{};
    op.cmd = XEN_SYSCTL_get_cpu_policy;
    op.u.cpu_policy.index = index;
    if (const long result = sysctl(op); result < 0) // null handles: asks for the sizes
        return error("size the host's CPU policy", static_cast<int>(-result));
    Buffer<xen_cpuid_leaf_t> leaf_buffer(transport_, op.u.cpu_policy.nr_leaves);
    Buffer<xen_msr_entry_t> msr_buffer(transport_, op.u.cpu_policy.nr_msrs);
    if (!leaf_buffer || !msr_buffer) return error("read the host's CPU policy", ENOMEM);
    xc::set_handle(op.u.cpu_policy.leaves, leaf_buffer.data());
    xc::set_handle(op.u.cpu_policy.msrs, msr_buffer.data());
    if (const long result = sysctl(op); result < 0)
        return error("read the host's CPU policy", static_cast<int>(-result));
    leaves.assign(leaf_buffer.data(), leaf_buffer.data() + op.u.cpu_policy.nr_leaves);
    msrs.assign(msr_buffer.data(), msr_buffer.data() + op.u.cpu_policy.nr_msrs);
    return {};
}

} // namespace hospes::xc
