// SPDX-License-Identifier: MIT
// Who may do what to whom: Xen's default policy (no FLASK), one right per operation. Every hypercall family that can
// touch another domain asks here; nobody tests is_privileged itself.
#pragma once

#include "core/domain/domain.hpp"

namespace hv {

enum class Right : u8 {
    anyone,       ///< the operation's own rules (a grant, an unbound port) decide
    target,       ///< itself, its device model, or a privileged domain
    device_model, ///< its device model or a privileged domain, not itself
    xenstore,     ///< the xenstore domain or a privileged one
    privileged,   ///< privileged domains
    hardware,     ///< the domain that owns the machine's devices
};

enum class XsmOp : u8 {
    // event channels
    evtchn_unbound,
    evtchn_interdomain,
    evtchn_status,
    evtchn_reset,
    // grants
    grant_map,
    grant_unmap,
    grant_copy,
    grant_transfer,
    grant_setup,
    grant_query_size,
    // memory
    memory_adjust,
    memory_stat,
    memory_exchange,
    memory_claim,
    memory_machine_map,
    memory_map_set,
    add_to_physmap,
    remove_from_physmap,
    map_foreign_gmfn,
    acquire_resource,
    get_vnuma,
    // PV page tables: acting for another domain, and mapping another domain's frames
    mmu_update,
    mmuext_op,
    update_va_mapping,
    map_foreign_frame,
    // scheduling, devices, control
    remote_shutdown,
    map_pirq,
    device_model_op,
    physdev,
    platform,
    console_io,
    machine_console,
    domctl,
    domctl_device,
    domctl_info,
    sysctl,
};

constexpr Right right_of(XsmOp op) {
    switch (op) {
    case XsmOp::evtchn_interdomain:
    case XsmOp::grant_map:
    case XsmOp::grant_unmap:
    case XsmOp::grant_copy:
    case XsmOp::grant_transfer: return Right::anyone;
    case XsmOp::evtchn_unbound:
    case XsmOp::evtchn_status:
    case XsmOp::evtchn_reset:
    case XsmOp::grant_setup:
    case XsmOp::grant_query_size:
    case XsmOp::memory_adjust:
    case XsmOp::memory_stat:
    case XsmOp::memory_exchange:
    case XsmOp::add_to_physmap:
    case XsmOp::remove_from_physmap:
    case XsmOp::map_foreign_gmfn:
    case XsmOp::memory_map_set:
    case XsmOp::get_vnuma:
    case XsmOp::mmu_update:
    case XsmOp::mmuext_op:
    case XsmOp::update_va_mapping:
    case XsmOp::map_foreign_frame: return Right::target;
    case XsmOp::acquire_resource:
    case XsmOp::remote_shutdown:
    case XsmOp::map_pirq:
    case XsmOp::device_model_op:
    case XsmOp::domctl_device: return Right::device_model;
    case XsmOp::domctl_info: return Right::xenstore;
    case XsmOp::physdev: return Right::hardware;
    case XsmOp::memory_claim:
    case XsmOp::memory_machine_map:
    case XsmOp::platform:
    case XsmOp::console_io:
    case XsmOp::machine_console:
    case XsmOp::domctl:
    case XsmOp::sysctl: return Right::privileged;
    }
    return Right::privileged;
}

/// Pure: may `caller` use `right` on `object` (nullptr: the machine itself)?
inline bool has_right(const Domain& caller, const Domain* object, Right right) {
    switch (right) {
    case Right::anyone: return true;
    case Right::target:
        if (&caller == object) return true;
        [[fallthrough]];
    case Right::device_model: return (object && caller.target == object) || caller.is_privileged;
    case Right::xenstore: return (caller.options & XEN_DOMCTL_CDF_xs_domain) != 0 || caller.is_privileged;
    case Right::hardware: return caller.is_hardware;
    case Right::privileged: return caller.is_privileged;
    }
    return false;
}

/// The current domain on `object`; -EPERM.
inline Status xsm_check(XsmOp op, const Domain& object) {
    return has_right(*current().domain, &object, right_of(op)) ? Status{} : Status{Errno::perm};
}
/// The current domain on the machine.
inline Status xsm_check(XsmOp op) {
    return has_right(*current().domain, nullptr, right_of(op)) ? Status{} : Status{Errno::perm};
}

} // namespace hv
