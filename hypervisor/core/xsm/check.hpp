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

//    operation            right that it takes
#define HV_XSM_OPS(X)                                                                                                  \
    X(grant_setup, target)                                                                                             \
    X(grant_query_size, target)                                                                                        \
    X(memory_adjust, target)                                                                                           \
    X(memory_stat, target)                                                                                             \
    X(memory_exchange, target)                                                                                         \
    X(memory_claim, privileged)                                                                                        \
    X(memory_machine_map, privileged)                                                                                  \
    X(memory_map_set, target)                                                                                          \
    X(add_to_physmap, target)                                                                                          \
    X(remove_from_physmap, target)                                                                                     \
    X(acquire_resource, device_model)                                                                                  \
    X(mmu_update, target) /* acting on another domain's page tables */                                                 \
    X(mmuext_op, target)                                                                                               \
    X(map_foreign_frame, target) /* mapping another domain's frames */                                                 \
    X(remote_shutdown, device_model)                                                                                   \
    X(map_pirq, device_model)                                                                                          \
    X(physdev, hardware)                                                                                               \
    X(platform, privileged)                                                                                            \
    X(console_io, privileged)                                                                                          \
    X(domctl, privileged)                                                                                              \
    X(domctl_device, device_model)                                                                                     \
    X(domctl_info, xenstore)                                                                                           \
    X(sysctl, privileged)

#define HV_XSM_OP(name, right) name,
enum class XsmOp : u8 { HV_XSM_OPS(HV_XSM_OP) };
#undef HV_XSM_OP

constexpr Right right_of(XsmOp op) {
#define HV_XSM_RIGHT(name, right) Right::right,
    constexpr Right rights[] = {HV_XSM_OPS(HV_XSM_RIGHT)};
#undef HV_XSM_RIGHT
    return rights[static_cast<unsigned>(op)];
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
