// SPDX-License-Identifier: MIT
#include <cerrno>

#include "ctrl/call.hpp"

namespace hospes::xc {

long Control::memory_op(unsigned command, void* argument, std::size_t bytes) {
    // A memory operation's result can exceed the int that the driver's ioctl returns; one multicall
    // entry carries 64 bits.
    Buffer<multicall_entry_t> call(transport_);
    Buffer<std::uint8_t> copy(transport_, bytes);
    if (!call || !copy) return -ENOMEM;
    std::memcpy(copy.data(), argument, bytes);
    call->op = __HYPERVISOR_memory_op;
    call->args[0] = command;
    call->args[1] = address_of(copy.data());
    const long result = transport_.hypercall(__HYPERVISOR_multicall, {address_of(call.data()), 1});
    std::memcpy(argument, copy.data(), bytes);
    return result < 0 ? result : static_cast<long>(call->result);
}

Status Control::max_memory(DomId domain, std::uint64_t kib) {
    return simple_domctl(*this, domain, XEN_DOMCTL_max_mem, "set the memory limit of",
                         [&](xen_domctl& op) { op.u.max_mem.max_memkb = kib; });
}

Status Control::claim(DomId domain, std::uint64_t pages) {
    xen_memory_reservation_t request{};
    request.nr_extents = pages;
    request.domid = domain;
    const long result = memory_op(XENMEM_claim_pages, &request, sizeof(request));
    if (result < 0)
        return error("claim " + std::to_string(pages >> (20 - page_shift)) + " MiB for domain " +
                         std::to_string(domain),
                     static_cast<int>(-result), {}, "not enough free memory: see `xl info` free_memory");
    return {};
}

Result<std::size_t> Control::populate(DomId domain, std::span<xen_pfn_t> frames, unsigned order, unsigned flags) {
    Buffer<xen_pfn_t> list(transport_, frames.size());
    if (!list) return error("allocate memory for domain " + std::to_string(domain), ENOMEM);
    std::memcpy(list.data(), frames.data(), frames.size_bytes());
    xen_memory_reservation_t request{};
    xc::set_handle(request.extent_start, list.data());
    request.nr_extents = frames.size();
    request.extent_order = order;
    request.mem_flags = flags;
    request.domid = domain;
    const long result = memory_op(XENMEM_populate_physmap, &request, sizeof(request));
    if (result < 0) return error("allocate memory for domain " + std::to_string(domain), static_cast<int>(-result));
    std::memcpy(frames.data(), list.data(), frames.size_bytes());
    return static_cast<std::size_t>(result);
}

Status Control::set_memory_map(DomId domain, std::span<const E820> map) {
    Buffer<std::uint8_t> entries(transport_, map.size_bytes());
    if (!entries) return error("set the memory map of domain " + std::to_string(domain), ENOMEM);
    std::memcpy(entries.data(), map.data(), map.size_bytes());
    xen_foreign_memory_map_t request{};
    request.domid = domain;
    request.map.nr_entries = static_cast<unsigned>(map.size());
    request.map.buffer.p = entries.data();
    return status(memory_op(XENMEM_set_memory_map, &request, sizeof(request)), "set the memory map of", domain);
}

Status Control::set_paging_pool(DomId domain, std::uint64_t bytes) {
    return simple_domctl(*this, domain, XEN_DOMCTL_set_paging_mempool_size, "set the paging pool of",
                         [&](xen_domctl& op) { op.u.paging_mempool.size = bytes; });
}

Status Control::set_pod_target(DomId domain, std::uint64_t pages) {
    xen_pod_target_t request{};
    request.target_pages = pages;
    request.domid = domain;
    return status(memory_op(XENMEM_set_pod_target, &request, sizeof(request)), "set the memory target of", domain);
}

Result<xen_pfn_t> Control::maximum_frame(DomId domain) {
    domid_t id = domain;
    const long result = memory_op(XENMEM_maximum_gpfn, &id, sizeof(id));
    if (result < 0) return error("look up the memory of domain " + std::to_string(domain), static_cast<int>(-result));
    return static_cast<xen_pfn_t>(result);
}

Status Control::add_to_physmap(DomId domain, unsigned space, std::uint64_t index, xen_pfn_t gfn) {
    xen_add_to_physmap_t request{};
    request.domid = domain;
    request.space = space;
    request.idx = index;
    request.gpfn = gfn;
    return status(memory_op(XENMEM_add_to_physmap, &request, sizeof(request)), "place a special page in", domain);
}

Status Control::pin_table(DomId domain, unsigned command, xen_pfn_t frame) {
    Buffer<mmuext_op_t> op(transport_);
    if (!op) return error("pin the page tables of domain " + std::to_string(domain), ENOMEM);
    op->cmd = command;
    op->arg1.mfn = frame;
    return status(transport_.hypercall(__HYPERVISOR_mmuext_op, {address_of(op.data()), 1, 0, domain}),
                  "validate the page tables of", domain);
}

} // namespace hospes::xc
