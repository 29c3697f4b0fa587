// SPDX-License-Identifier: MIT
// Where the guest kernel wants to be entered: event, failsafe, system call and NMI callbacks, and its stack.
#include "abi/xen.hpp"

#include <xen/callback.h>
#include <xen/nmi.h>

#include "core/hypercall/guest_ptr.hpp"
#include "core/hypercall/table.hpp"
#include "mm/layout.hpp"
#include "pv/pv.hpp"
#include "pv/segments.hpp"
#include "traps/traps.hpp"

namespace hv {

bool pv_kernel_stack_ok(u64 stack) {
    constexpr u64 frame = 128;
    return stack - frame >= hv_end || stack <= hv_start;
}

namespace {

/// The same slot as set_trap_table's, which is what newer kernels use.
void set_nmi_handler(PvVcpu& pv, u64 address) {
    pv.traps[Vector::nmi] = {Vector::nmi, 4, flat_cs64, address}; // 4: with events masked
}

Status register_callback(PvVcpu& pv, const callback_register_t& op) {
    if (!canonical(op.address)) return Errno::inval;
    const bool mask_events = (op.flags & CALLBACKF_mask_events) != 0;
    switch (op.type) {
    case CALLBACKTYPE_event: pv.event_callback_eip = op.address; return {};
    case CALLBACKTYPE_failsafe:
        pv.failsafe_callback_eip = op.address;
        pv.failsafe_disables_events = mask_events;
        return {};
    case CALLBACKTYPE_syscall:
        pv.syscall_callback_eip = op.address;
        pv.syscall_disables_events = mask_events;
        return {};
    case CALLBACKTYPE_syscall32:
        pv.syscall32_callback_eip = op.address;
        pv.syscall32_callback_cs = flat_cs64;
        pv.syscall32_disables_events = mask_events;
        return {};
    case CALLBACKTYPE_sysenter:
        pv.sysenter_callback_eip = op.address;
        pv.sysenter_callback_cs = flat_cs64;
        pv.sysenter_disables_events = mask_events;
        return {};
    case CALLBACKTYPE_nmi: set_nmi_handler(pv, op.address); return {};
    default: return Errno::nosys;
    }
}

Status unregister_callback(PvVcpu& pv, u16 type) {
    switch (type) {
    case CALLBACKTYPE_event:
    case CALLBACKTYPE_failsafe:
    case CALLBACKTYPE_syscall:
    case CALLBACKTYPE_sysenter: return Errno::inval;
    case CALLBACKTYPE_nmi: pv.traps[Vector::nmi] = {}; return {};
    default: return Errno::nosys;
    }
}

} // namespace

Result<s64> hypercall::callback_op(HypercallArgs& args_) {
    PvVcpu& pv = current().arch.pv;
    switch (static_cast<u32>(args_.a[0])) {
    case CALLBACKOP_register: {
        const auto op = TRY(read_guest<callback_register_t>(args_.a[1]));
        TRY(register_callback(pv, op));
        return 0;
    }
    case CALLBACKOP_unregister: {
        const auto op = TRY(read_guest<callback_unregister_t>(args_.a[1]));
        TRY(unregister_callback(pv, op.type));
        return 0;
    }
    default: return Errno::nosys;
    }
}

Result<s64> hypercall::set_callbacks(HypercallArgs& args_) {
    PvVcpu& pv = current().arch.pv;
    constexpr u16 types[] = {CALLBACKTYPE_event, CALLBACKTYPE_failsafe, CALLBACKTYPE_syscall};
    for (unsigned i = 0; i < 3; ++i)
        if (!canonical(args_.a[i])) return Errno::inval;
    for (unsigned i = 0; i < 3; ++i)
        TRY(register_callback(pv, {types[i], 0, args_.a[i]}));
    return 0;
}

Result<s64> hypercall::stack_switch(HypercallArgs& args_) {
    if (!pv_kernel_stack_ok(args_.a[1])) return Errno::inval;
    PvVcpu& pv = current().arch.pv;
    pv.kernel_ss = args_.a[0] | 3;
    pv.kernel_sp = args_.a[1];
    return 0;
}

Result<s64> hypercall::nmi_op(HypercallArgs& args_) {
    PvVcpu& pv = current().arch.pv;
    switch (static_cast<u32>(args_.a[0])) {
    case XENNMI_register_callback: {
        const auto op = TRY(read_guest<xennmi_callback_t>(args_.a[1]));
        if (!canonical(op.handler_address)) return Errno::inval;
        set_nmi_handler(pv, op.handler_address);
        return 0;
    }
    case XENNMI_unregister_callback: pv.traps[Vector::nmi] = {}; return 0;
    default: return Errno::nosys;
    }
}

} // namespace hv
