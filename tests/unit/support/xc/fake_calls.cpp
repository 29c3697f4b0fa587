// SPDX-License-Identifier: MIT
// The model's other families: the machine, memory, page tables, HVM parameters, event channels.
#include <algorithm>
#include <cerrno>

#include "fake_transport.hpp"

namespace hospes::xc {

long FakeTransport::sysctl(xen_sysctl& op) {
    if (op.interface_version != XEN_SYSCTL_INTERFACE_VERSION) return -EACCES;
    switch (op.cmd) {
    case XEN_SYSCTL_physinfo: {
        auto& info = op.u.physinfo;
        info = {};
        info.threads_per_core = info.cores_per_socket = 1;
        info.nr_cpus = cpus;
        info.max_cpu_id = cpus - 1;
        info.nr_nodes = 1;
        info.cpu_khz = 2000000;
        info.capabilities = capabilities;
        info.total_pages = total_pages;
        info.free_pages = free_pages();
        for (const auto& [id, domain] : domains_)
            info.outstanding_pages += domain.claim;
        return 0;
    }
    case XEN_SYSCTL_sched_id: op.u.sched_id.sched_id = XEN_SCHEDULER_CREDIT2; return 0;
    case XEN_SYSCTL_getdomaininfolist: {
        auto& list = op.u.getdomaininfolist;
        std::uint32_t n = 0;
        for (auto at = domains_.lower_bound(list.first_domain); at != domains_.end() && n < list.max_domains; ++at)
            describe(at->first, at->second, list.buffer.p[n++]);
        list.num_domains = n;
        return 0;
    }
    case XEN_SYSCTL_get_cpu_policy: {
        auto& request = op.u.cpu_policy;
        const auto found = policies.find(request.index);
        if (found == policies.end()) return -EINVAL;
        const auto& [leaves, msrs] = found->second;
        if (request.leaves.p) {
            if (request.nr_leaves < leaves.size() || request.nr_msrs < msrs.size()) return -ENOBUFS;
            std::copy(leaves.begin(), leaves.end(), request.leaves.p);
            std::copy(msrs.begin(), msrs.end(), request.msrs.p);
        }
        request.nr_leaves = static_cast<std::uint32_t>(leaves.size());
        request.nr_msrs = static_cast<std::uint32_t>(msrs.size());
        return 0;
    }
    default: return -ENOSYS;
    }
}

/// How many extents could be had, as the hypervisor answers.
long FakeTransport::populate(xen_memory_reservation_t& request) {
    FakeDomain* const domain = find(request.domid);
    if (!domain) return -ESRCH;
    const std::uint64_t pages = std::uint64_t{1} << request.extent_order;
    for (xen_ulong_t i = 0; i < request.nr_extents; ++i) {
        xen_pfn_t& frame = request.extent_start.p[i];
        // Entries of populate-on-demand take from what set_pod_target() has reserved.
        const bool on_demand = request.mem_flags & XENMEMF_populate_on_demand;
        const bool room = on_demand || (domain->pages + pages <= domain->max_kib >> 2 && pages <= free_pages());
        if (!room || request.extent_order > largest_order || domain->machine_frame(frame) != ~xen_pfn_t{0})
            return static_cast<long>(i);
        const xen_pfn_t machine = take_frames(pages);
        if (stale) fill_frames(machine, pages, 0xa5);
        domain->memory[frame] = {machine, pages, request.mem_flags};
        if (!on_demand) domain->pages += pages;
        domain->claim -= std::min(domain->claim, pages);
        if (!(domain->config.flags & XEN_DOMCTL_CDF_hvm)) frame = machine;
    }
    return static_cast<long>(request.nr_extents);
}

long FakeTransport::memory_op(std::uint64_t command, void* argument) {
    switch (command) {
    case XENMEM_populate_physmap: return populate(*static_cast<xen_memory_reservation_t*>(argument));
    case XENMEM_claim_pages: {
        const auto& request = *static_cast<xen_memory_reservation_t*>(argument);
        FakeDomain* const domain = find(request.domid);
        if (!domain) return -ESRCH;
        const std::uint64_t missing = request.nr_extents - std::min<std::uint64_t>(request.nr_extents, domain->pages);
        if (missing > free_pages()) return -ENOMEM;
        domain->claim = missing;
        return 0;
    }
    case XENMEM_set_pod_target: {
        auto& request = *static_cast<xen_pod_target_t*>(argument);
        FakeDomain* const domain = find(request.domid);
        if (!domain) return -ESRCH;
        if (request.target_pages > domain->max_kib >> 2) return -EINVAL;
        if (request.target_pages > domain->pages + free_pages()) return -ENOMEM;
        domain->pages = domain->pod_target = request.target_pages;
        return 0;
    }
    case XENMEM_set_memory_map: {
        const auto& request = *static_cast<xen_foreign_memory_map_t*>(argument);
        FakeDomain* const domain = find(request.domid);
        if (!domain) return -ESRCH;
        const auto* const entries = static_cast<const E820*>(request.map.buffer.p);
        domain->memory_map.assign(entries, entries + request.map.nr_entries);
        return 0;
    }
    case XENMEM_maximum_gpfn: {
        const FakeDomain* const domain = find(*static_cast<domid_t*>(argument));
        if (!domain) return -ESRCH;
        if (domain->memory.empty()) return 0;
        const auto& [first, extent] = *domain->memory.rbegin();
        return static_cast<long>(first + extent.pages - 1);
    }
    case XENMEM_add_to_physmap: return find(static_cast<xen_add_to_physmap_t*>(argument)->domid) ? 0 : -ESRCH;
    default: return -ENOSYS;
    }
}

long FakeTransport::mmuext(const std::array<std::uint64_t, 5>& args) {
    FakeDomain* const domain = find(static_cast<DomId>(args[3]));
    if (!domain) return -ESRCH;
    const auto* const ops = reinterpret_cast<const mmuext_op_t*>(args[0]);
    for (std::uint64_t i = 0; i < args[1]; ++i) {
        if (!owns(*domain, ops[i].arg1.mfn)) return -EINVAL;
        if (ops[i].cmd == MMUEXT_CLEAR_PAGE)
            clear_frames(ops[i].arg1.mfn, 1);
        else if (ops[i].cmd <= MMUEXT_PIN_L4_TABLE)
            domain->pinned.emplace_back(ops[i].cmd, ops[i].arg1.mfn);
        else
            return -ENOSYS;
    }
    return 0;
}

long FakeTransport::hvm_op(std::uint64_t command, xen_hvm_param& param) {
    FakeDomain* const domain = find(param.domid);
    if (!domain) return -ESRCH;
    if (!(domain->config.flags & XEN_DOMCTL_CDF_hvm) || param.index >= HVM_NR_PARAMS) return -EINVAL;
    if (command == HVMOP_set_param)
        domain->params[param.index] = param.value;
    else if (command == HVMOP_get_param)
        param.value = domain->params[param.index];
    else
        return -ENOSYS;
    return 0;
}

long FakeTransport::event_channel(std::uint64_t command, void* argument) {
    if (command == EVTCHNOP_alloc_unbound) {
        auto& request = *static_cast<evtchn_alloc_unbound_t*>(argument);
        FakeDomain* const domain = find(request.dom);
        if (!domain) return -ESRCH;
        request.port = static_cast<std::uint32_t>(domain->ports.size()) + 1;
        domain->ports[request.port] = request.remote_dom;
        return 0;
    }
    return -ENOSYS;
}

} // namespace hospes::xc
