// SPDX-License-Identifier: MIT
// The model's domain control operations, with the checks that xen/domctl.h promises.
#include <algorithm>
#include <cerrno>

#include "fake_transport.hpp"

#include <xen/hvm/save.h>

namespace hospes::xc {
namespace {

template <typename Handle, typename T> void copy_out(const Handle& handle, const std::vector<T>& from) {
    std::copy(from.begin(), from.end(), handle.p);
}

/// What a new HVM domain's state has at least: the header and the end mark.
std::vector<std::uint8_t> empty_state() {
    struct {
        hvm_save_descriptor first;
        hvm_save_header header;
        hvm_save_descriptor last;
    } state{};
    state.first = {HVM_SAVE_CODE(HEADER), 0, sizeof(state.header)};
    state.header.magic = HVM_FILE_MAGIC;
    state.header.version = HVM_FILE_VERSION;
    const auto* const bytes = reinterpret_cast<const std::uint8_t*>(&state);
    return {bytes, bytes + sizeof(state)};
}

BitWords words_of(const xenctl_bitmap& map) {
    return map.nr_bits ? BitWords(map.bitmap.p, map.bitmap.p + (map.nr_bits + 7) / 8) : BitWords();
}

} // namespace

long FakeTransport::create(xen_domctl& op) {
    DomId id = op.domain;
    if (id && find(id)) return -EEXIST;
    if (!id) {
        while (find(next_domain_))
            ++next_domain_;
        id = next_domain_++;
    }
    if (!op.u.createdomain.max_vcpus) return -EINVAL;
    const bool hvm = op.u.createdomain.flags & XEN_DOMCTL_CDF_hvm;
    if (hvm && !(capabilities & XEN_SYSCTL_PHYSCAP_hvm)) return -EINVAL;
    FakeDomain& domain = domains_[id];
    domain.config = op.u.createdomain;
    if (hvm) domain.hvm_context = empty_state();
    std::copy(std::begin(op.u.createdomain.handle), std::end(op.u.createdomain.handle), domain.handle);
    domain.shared_info = take_frames(1);
    domain.grant_table = take_frames(1);
    op.domain = id;
    return 0;
}

void FakeTransport::destroy(DomId id) {
    const FakeDomain& domain = domains_[id];
    clear_frames(domain.shared_info, 1);
    clear_frames(domain.grant_table, 1);
    for (const auto& [first, extent] : domain.memory)
        clear_frames(extent.machine, extent.pages);
    domains_.erase(id);
}

void FakeTransport::describe(DomId id, const FakeDomain& domain, DomainInfo& out) const {
    out = {};
    out.domain = id;
    const bool hvm = domain.config.flags & XEN_DOMCTL_CDF_hvm;
    out.flags = (hvm ? XEN_DOMINF_hvm_guest : 0U) | (domain.config.flags & XEN_DOMCTL_CDF_hap ? XEN_DOMINF_hap : 0U) |
                (domain.dying ? XEN_DOMINF_dying : 0U) | (domain.pauses ? XEN_DOMINF_paused : XEN_DOMINF_running) |
                (domain.shut_down ? XEN_DOMINF_shutdown : 0U) |
                ((domain.shutdown_reason & XEN_DOMINF_shutdownmask) << XEN_DOMINF_shutdownshift);
    out.tot_pages = domain.pages;
    out.max_pages = domain.max_kib >> 2;
    out.shared_info_frame = domain.shared_info;
    out.nr_online_vcpus = hvm && !domain.contexts.empty() ? domain.vcpus : unsigned(domain.contexts.size());
    out.max_vcpu_id = domain.vcpus ? domain.vcpus - 1 : 0;
    out.ssidref = domain.config.ssidref;
    out.arch_config = domain.config.arch;
    std::copy(std::begin(domain.handle), std::end(domain.handle), out.handle);
}

long FakeTransport::domctl(xen_domctl& op) {
    if (op.interface_version != XEN_DOMCTL_INTERFACE_VERSION) return -EACCES;
    if (op.cmd == XEN_DOMCTL_createdomain) return create(op);
    FakeDomain* const domain = find(op.domain);
    if (!domain) return -ESRCH;
    switch (op.cmd) {
    case XEN_DOMCTL_destroydomain: destroy(op.domain); return 0;
    case XEN_DOMCTL_getdomaininfo: describe(op.domain, *domain, op.u.getdomaininfo); return 0;
    case XEN_DOMCTL_pausedomain: ++domain->pauses; return 0;
    case XEN_DOMCTL_unpausedomain:
        if (!domain->pauses) return -EINVAL;
        --domain->pauses;
        return 0;
    default: break;
    }
    const long state = domctl_state(*domain, op);
    return state == -ENOSYS ? domctl_context(*domain, op) : state;
}

long FakeTransport::domctl_state(FakeDomain& domain, xen_domctl& op) {
    switch (op.cmd) {
    case XEN_DOMCTL_resumedomain: domain.shut_down = false; return 0;
    case XEN_DOMCTL_setdomainhandle:
        std::copy(std::begin(op.u.setdomainhandle.handle), std::end(op.u.setdomainhandle.handle), domain.handle);
        return 0;
    case XEN_DOMCTL_max_vcpus:
        if (op.u.max_vcpus.max != domain.config.max_vcpus) return -EINVAL; // as 4.17 does
        domain.vcpus = op.u.max_vcpus.max;
        return 0;
    case XEN_DOMCTL_max_mem: domain.max_kib = op.u.max_mem.max_memkb; return 0;
    case XEN_DOMCTL_set_address_size: return op.u.address_size.size == 64 ? 0 : -EINVAL;
    case XEN_DOMCTL_settscinfo: domain.tsc = op.u.tsc_info; return 0;
    case XEN_DOMCTL_hypercall_init: {
        const bool hvm = domain.config.flags & XEN_DOMCTL_CDF_hvm;
        return hvm || owns(domain, op.u.hypercall_init.gmfn) ? 0 : -EACCES;
    }
    case XEN_DOMCTL_sendtrigger: domain.triggers.push_back(op.u.sendtrigger.trigger); return 0;
    case XEN_DOMCTL_set_paging_mempool_size:
        if (op.u.paging_mempool.size % page_size) return -EINVAL;
        domain.paging_pool = op.u.paging_mempool.size;
        return 0;
    case XEN_DOMCTL_get_paging_mempool_size: op.u.paging_mempool.size = domain.paging_pool; return 0;
    case XEN_DOMCTL_setnodeaffinity: return 0;
    case XEN_DOMCTL_setvcpuaffinity: {
        if (op.u.vcpuaffinity.vcpu >= domain.vcpus) return -EINVAL;
        auto& [hard, soft] = domain.affinity[op.u.vcpuaffinity.vcpu];
        if (op.u.vcpuaffinity.flags & XEN_VCPUAFFINITY_HARD) hard = words_of(op.u.vcpuaffinity.cpumap_hard);
        if (op.u.vcpuaffinity.flags & XEN_VCPUAFFINITY_SOFT) soft = words_of(op.u.vcpuaffinity.cpumap_soft);
        return 0;
    }
    case XEN_DOMCTL_scheduler_op:
        if (op.u.scheduler_op.sched_id != XEN_SCHEDULER_CREDIT2) return -EINVAL;
        if (op.u.scheduler_op.cmd == XEN_DOMCTL_SCHEDOP_putinfo)
            domain.credit2 = op.u.scheduler_op.u.credit2;
        else
            op.u.scheduler_op.u.credit2 = domain.credit2;
        return 0;
    default: return -ENOSYS;
    }
}

long FakeTransport::domctl_context(FakeDomain& domain, xen_domctl& op) {
    switch (op.cmd) {
    case XEN_DOMCTL_setvcpucontext:
        if (op.u.vcpucontext.vcpu >= domain.vcpus) return -EINVAL;
        domain.contexts[op.u.vcpucontext.vcpu] = *op.u.vcpucontext.ctxt.p;
        return 0;
    case XEN_DOMCTL_getvcpucontext: {
        if (op.u.vcpucontext.vcpu >= domain.vcpus) return -EINVAL;
        const auto found = domain.contexts.find(op.u.vcpucontext.vcpu);
        if (found == domain.contexts.end()) return -ENODATA;
        *op.u.vcpucontext.ctxt.p = found->second;
        return 0;
    }
    case XEN_DOMCTL_getvcpuinfo: {
        if (op.u.getvcpuinfo.vcpu >= domain.vcpus) return -EINVAL;
        const std::uint32_t vcpu = op.u.getvcpuinfo.vcpu;
        op.u.getvcpuinfo = {};
        op.u.getvcpuinfo.vcpu = vcpu;
        op.u.getvcpuinfo.online = domain.contexts.count(vcpu) != 0;
        return 0;
    }
    case XEN_DOMCTL_gethvmcontext:
        if (!(domain.config.flags & XEN_DOMCTL_CDF_hvm)) return -EINVAL;
        if (op.u.hvmcontext.buffer.p) {
            if (op.u.hvmcontext.size < domain.hvm_context.size()) return -ENOSPC;
            copy_out(op.u.hvmcontext.buffer, domain.hvm_context);
        }
        op.u.hvmcontext.size = static_cast<std::uint32_t>(domain.hvm_context.size());
        return 0;
    case XEN_DOMCTL_sethvmcontext:
        if (!(domain.config.flags & XEN_DOMCTL_CDF_hvm)) return -EINVAL;
        domain.hvm_context.assign(op.u.hvmcontext.buffer.p, op.u.hvmcontext.buffer.p + op.u.hvmcontext.size);
        return 0;
    case XEN_DOMCTL_set_cpu_policy: {
        const auto& policy = op.u.cpu_policy;
        domain.leaves.assign(policy.leaves.p, policy.leaves.p + policy.nr_leaves);
        domain.msrs.assign(policy.msrs.p, policy.msrs.p + policy.nr_msrs);
        return 0;
    }
    case XEN_DOMCTL_get_cpu_policy: {
        auto& policy = op.u.cpu_policy;
        if (policy.nr_leaves < domain.leaves.size() || policy.nr_msrs < domain.msrs.size()) return -ENOBUFS;
        copy_out(policy.leaves, domain.leaves);
        copy_out(policy.msrs, domain.msrs);
        policy.nr_leaves = static_cast<std::uint32_t>(domain.leaves.size());
        policy.nr_msrs = static_cast<std::uint32_t>(domain.msrs.size());
        return 0;
    }
    default: return -ENOSYS;
    }
}

} // namespace hospes::xc
