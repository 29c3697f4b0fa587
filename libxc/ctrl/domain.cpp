// SPDX-License-Identifier: MIT
#include <cerrno>

#include "ctrl/call.hpp"

namespace hospes::xc {

long Control::domctl(xen_domctl& op) {
    Buffer<xen_domctl> buffer(transport_);
    if (!buffer) return -ENOMEM;
    op.interface_version = XEN_DOMCTL_INTERFACE_VERSION;
    *buffer = op;
    const long result = transport_.hypercall(__HYPERVISOR_domctl, {address_of(buffer.data())});
    op = *buffer;
    return result;
}

Result<DomId> Control::create(DomId wanted, const xen_domctl_createdomain& config) {
    xen_domctl op{};
    op.cmd = XEN_DOMCTL_createdomain;
    op.domain = wanted;
    op.u.createdomain = config;
    const long result = domctl(op);
    if (result < 0) return error("create the domain", static_cast<int>(-result));
    return op.domain;
}

Status Control::destroy(DomId domain) {
    xen_domctl op{};
    op.cmd = XEN_DOMCTL_destroydomain;
    op.domain = domain;
    long result;
    while ((result = domctl(op)) == -ERESTART || result == -EAGAIN)
        ; // the hypervisor frees memory in steps
    return status(result, "destroy", domain);
}

Status Control::pause(DomId domain) { return simple_domctl(*this, domain, XEN_DOMCTL_pausedomain, "pause"); }
Status Control::unpause(DomId domain) { return simple_domctl(*this, domain, XEN_DOMCTL_unpausedomain, "unpause"); }
Status Control::resume(DomId domain) { return simple_domctl(*this, domain, XEN_DOMCTL_resumedomain, "resume"); }

Status Control::shutdown(DomId domain, unsigned reason) {
    Buffer<sched_remote_shutdown_t> buffer(transport_);
    if (!buffer) return error("shut down domain " + std::to_string(domain), ENOMEM);
    buffer->domain_id = domain;
    buffer->reason = reason;
    return status(transport_.hypercall(__HYPERVISOR_sched_op, {SCHEDOP_remote_shutdown, address_of(buffer.data())}),
                  "shut down", domain);
}

Result<DomainInfo> Control::info(DomId domain) {
    xen_domctl op{};
    op.cmd = XEN_DOMCTL_getdomaininfo;
    op.domain = domain;
    const long result = domctl(op);
    if (result < 0) return error("look up domain " + std::to_string(domain), static_cast<int>(-result));
    return op.u.getdomaininfo;
}

Result<std::vector<DomainInfo>> Control::list(DomId first) {
    constexpr std::size_t batch = 512;
    std::vector<DomainInfo> domains;
    Buffer<DomainInfo> buffer(transport_, batch);
    if (!buffer) return error("list domains", ENOMEM);
    for (;;) {
        xen_sysctl op{};
        op.cmd = XEN_SYSCTL_getdomaininfolist;
        op.u.getdomaininfolist.first_domain = first;
        op.u.getdomaininfolist.max_domains = batch;
        xc::set_handle(op.u.getdomaininfolist.buffer, buffer.data());
        const long result = sysctl(op);
        if (result < 0) return error("list domains", static_cast<int>(-result));
        const std::size_t got = op.u.getdomaininfolist.num_domains;
        domains.insert(domains.end(), buffer.data(), buffer.data() + got);
        if (got < batch) return domains;
        first = static_cast<DomId>(domains.back().domain + 1);
    }
}

Status Control::set_handle(DomId domain, const std::uint8_t (&handle)[16]) {
    return simple_domctl(*this, domain, XEN_DOMCTL_setdomainhandle, "name",
                         [&](xen_domctl& op) { std::memcpy(op.u.setdomainhandle.handle, handle, sizeof(handle)); });
}

Status Control::max_vcpus(DomId domain, unsigned count) {
    return simple_domctl(*this, domain, XEN_DOMCTL_max_vcpus, "set the number of vCPUs of",
                         [&](xen_domctl& op) { op.u.max_vcpus.max = count; });
}

Status Control::set_address_size(DomId domain, unsigned bits) {
    return simple_domctl(*this, domain, XEN_DOMCTL_set_address_size, "set the address size of",
                         [&](xen_domctl& op) { op.u.address_size.size = bits; });
}

Status Control::set_tsc(DomId domain, unsigned mode, std::uint64_t elapsed_ns, unsigned khz, unsigned incarnation) {
    return simple_domctl(*this, domain, XEN_DOMCTL_settscinfo, "set the TSC mode of", [&](xen_domctl& op) {
        op.u.tsc_info.tsc_mode = mode;
        op.u.tsc_info.elapsed_nsec = elapsed_ns;
        op.u.tsc_info.gtsc_khz = khz;
        op.u.tsc_info.incarnation = incarnation;
    });
}

Status Control::set_time_offset(DomId domain, std::int64_t seconds) {
    return simple_domctl(*this, domain, XEN_DOMCTL_settimeoffset, "set the clock of",
                         [&](xen_domctl& op) { op.u.settimeoffset.time_offset_seconds = seconds; });
}

Status Control::fill_hypercall_page(DomId domain, xen_pfn_t frame) {
    return simple_domctl(*this, domain, XEN_DOMCTL_hypercall_init, "fill the hypercall page of",
                         [&](xen_domctl& op) { op.u.hypercall_init.gmfn = frame; });
}

Status Control::send_trigger(DomId domain, unsigned trigger, unsigned vcpu) {
    return simple_domctl(*this, domain, XEN_DOMCTL_sendtrigger, "send a trigger to", [&](xen_domctl& op) {
        op.u.sendtrigger.trigger = trigger;
        op.u.sendtrigger.vcpu = vcpu;
    });
}

Result<std::uint32_t> Control::alloc_unbound(DomId local, DomId remote) {
    Buffer<evtchn_alloc_unbound_t> buffer(transport_);
    if (!buffer) return error("allocate an event channel", ENOMEM);
    buffer->dom = local;
    buffer->remote_dom = remote;
    const long result =
        transport_.hypercall(__HYPERVISOR_event_channel_op, {EVTCHNOP_alloc_unbound, address_of(buffer.data())});
    if (result < 0)
        return error("allocate an event channel for domain " + std::to_string(local), static_cast<int>(-result));
    return buffer->port;
}

} // namespace hospes::xc
