// SPDX-License-Identifier: MIT
// HYPERVISOR_event_channel_op: fetches the argument, acts, returns the changed argument.
#include "core/evtchn/bind.hpp"
#include "core/hypercall/guest_ptr.hpp"
#include "core/hypercall/table.hpp"

namespace hv {

/// The hypervisor's own continuation of EVTCHNOP_reset: skips the start.
static constexpr u32 op_reset_continue = 14;

template <typename T, typename F> static Result<s64> with_argument(u64 address, F&& act) {
    const auto op = TRY(read_guest<T>(address));
    TRY(act(op));
    return 0;
}
/// As above; what `act` changed goes back. A port whose number cannot be told to the guest is closed again.
template <typename T, typename F> static Result<s64> with_result(u64 address, evtchn_port_t T::*port, F&& act) {
    auto op = TRY(read_guest<T>(address));
    TRY(act(op));
    const Status status = GuestOut<T>(address).write(op);
    if (!status.ok() && port) static_cast<void>(evtchn_close(*current().domain, Port{op.*port}, true));
    TRY(status);
    return 0;
}

static Result<s64> bind_op(u32 cmd, u64 arg) {
    switch (cmd) {
    case EVTCHNOP_alloc_unbound: return with_result<evtchn_alloc_unbound_t>(arg, nullptr, evtchn_alloc_unbound);
    case EVTCHNOP_bind_interdomain:
        return with_result(arg, &evtchn_bind_interdomain_t::local_port, evtchn_bind_interdomain);
    case EVTCHNOP_bind_virq:
        return with_result(arg, &evtchn_bind_virq_t::port, [](evtchn_bind_virq_t& op) -> Status {
            op.port = TRY(evtchn_bind_virq(*current().domain, op.virq, op.vcpu)).raw();
            return {};
        });
    case EVTCHNOP_bind_ipi:
        return with_result(arg, &evtchn_bind_ipi_t::port, [](evtchn_bind_ipi_t& op) -> Status {
            op.port = TRY(evtchn_bind_ipi(*current().domain, op.vcpu)).raw();
            return {};
        });
    case EVTCHNOP_bind_pirq: return with_result(arg, &evtchn_bind_pirq_t::port, evtchn_bind_pirq);
    case EVTCHNOP_bind_vcpu: return with_argument<evtchn_bind_vcpu_t>(arg, evtchn_bind_vcpu);
    default: return Errno::nosys;
    }
}

static Result<s64> reset_op(HypercallArgs& args) {
    const auto op = TRY(read_guest<evtchn_reset_t>(args.a[1]));
    const DomainRef domain = TRY(DomainRef::find_target(Domid{op.dom}));
    const Status status = evtchn_reset(*domain, static_cast<u32>(args.a[0]) == op_reset_continue);
    if (!status.ok() && status.error() == Errno::restart) args.a[0] = op_reset_continue;
    TRY(status);
    return 0;
}

Result<s64> hypercall::event_channel_op(HypercallArgs& args) {
    const u64 arg = args.a[1];
    Domain& domain = *current().domain;
    switch (const u32 cmd = static_cast<u32>(args.a[0]); cmd) {
    case EVTCHNOP_send:
        return with_argument<evtchn_send_t>(
            arg, [&](const evtchn_send_t& op) { return evtchn_send(domain, Port{op.port}); });
    case EVTCHNOP_unmask:
        return with_argument<evtchn_unmask_t>(arg, [&](const evtchn_unmask_t& op) -> Status {
            if (!evtchn_port_valid(domain, Port{op.port})) return Errno::inval;
            evtchn_unmask(domain, Port{op.port});
            return {};
        });
    case EVTCHNOP_close:
        return with_argument<evtchn_close_t>(
            arg, [&](const evtchn_close_t& op) { return evtchn_close(domain, Port{op.port}, true); });
    case EVTCHNOP_status: return with_result<evtchn_status_t>(arg, nullptr, evtchn_status);
    case EVTCHNOP_reset:
    case op_reset_continue: return reset_op(args);
    case EVTCHNOP_init_control: return with_result<evtchn_init_control_t>(arg, nullptr, evtchn_fifo_init_control);
    case EVTCHNOP_expand_array: return with_argument<evtchn_expand_array_t>(arg, evtchn_fifo_expand);
    case EVTCHNOP_set_priority: return with_argument<evtchn_set_priority_t>(arg, evtchn_set_priority);
    default: return bind_op(cmd, arg);
    }
}

} // namespace hv
