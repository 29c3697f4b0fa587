// SPDX-License-Identifier: MIT
// HYPERVISOR_memory_op: which family serves which command, and the commands of a few lines.
#include "core/memory_op/op.hpp"

#include "core/xsm/check.hpp"

namespace hv {

namespace memory_op {

u32 max_extent_order(const Domain& caller) { return caller.is_privileged ? 18 : caller.is_hardware ? 12 : 9; }

static Result<s64> domain_stat(u32 command, u64 arg) {
    const auto op = TRY(read_guest<xen_memory_domain>(arg));
    const DomainRef domain = TRY(DomainRef::find_any(Domid{op.domid}));
    TRY(xsm_check(XsmOp::memory_stat, *domain));
    if (command == XENMEM_current_reservation) return s64{domain->tot_pages};
    if (command == XENMEM_maximum_reservation) return s64{domain->max_pages};
    return static_cast<s64>(read_once(domain->shared_info->arch.max_pfn)) - 1;
}

/// A PV domain has no populate-on-demand pages: the target is always met.
static Result<s64> pod_target(u64 arg) {
    auto op = TRY(read_guest<xen_pod_target_t>(arg));
    const DomainRef domain = TRY(DomainRef::find_any(Domid{op.domid}));
    TRY(xsm_check(XsmOp::memory_claim));
    if (domain->is_hvm) return Errno::opnotsupp;
    op.tot_pages = domain->tot_pages;
    op.pod_cache_pages = op.pod_entries = 0;
    TRY(GuestOut<xen_pod_target_t>(arg).write(op));
    return 0;
}

/// add_to_physmap and friends change a translated domain's map; a PV domain keeps its own.
template <typename T> static Result<s64> physmap(XsmOp right, u64 arg) {
    const auto op = TRY(read_guest<T>(arg));
    const DomainRef domain = TRY(DomainRef::find_any(Domid{op.domid}));
    TRY(xsm_check(right, *domain));
    return Errno::access;
}

static Result<s64> dispatch(HypercallArgs& args, u32 command, u64 start) {
    const u64 arg = args.a[1];
    switch (command) {
    case XENMEM_increase_reservation:
    case XENMEM_decrease_reservation:
    case XENMEM_populate_physmap: return reservation(args, command, start);
    case XENMEM_exchange: return exchange(args);
    case XENMEM_maximum_ram_page: return static_cast<s64>(max_mfn) - 1;
    case XENMEM_current_reservation:
    case XENMEM_maximum_reservation:
    case XENMEM_maximum_gpfn: return domain_stat(command, arg);
    case XENMEM_machphys_mfn_list: return machphys_mfn_list(arg);
    case XENMEM_machphys_mapping: return machphys_mapping(arg);
    case XENMEM_memory_map: return memory_map(arg);
    case XENMEM_machine_memory_map: return machine_memory_map(arg);
    case XENMEM_set_memory_map: return set_memory_map(arg);
    case XENMEM_reserved_device_memory_map: return reserved_device_memory_map(arg);
    case XENMEM_add_to_physmap: return physmap<xen_add_to_physmap_t>(XsmOp::add_to_physmap, arg);
    case XENMEM_add_to_physmap_batch: return physmap<xen_add_to_physmap_batch_t>(XsmOp::add_to_physmap, arg);
    case XENMEM_remove_from_physmap: return physmap<xen_remove_from_physmap_t>(XsmOp::remove_from_physmap, arg);
    case XENMEM_claim_pages: return claim(arg);
    case XENMEM_acquire_resource: return acquire_resource(args, start);
    case XENMEM_set_pod_target:
    case XENMEM_get_pod_target: return pod_target(arg);
    case XENMEM_get_sharing_freed_pages:
    case XENMEM_get_sharing_shared_pages: return 0; // no page is ever shared between domains
    case XENMEM_get_vnumainfo: return Errno::opnotsupp;
    default: return Errno::nosys;
    }
}

} // namespace memory_op

Result<s64> hypercall::memory_op(HypercallArgs& args) {
    return memory_op::dispatch(args, static_cast<u32>(args.a[0] & memop_command_mask), args.a[0] >> memop_extent_shift);
}

} // namespace hv
