// SPDX-License-Identifier: MIT
// Hypercall sched_op (xen/sched.h).
#include "core/deferred/softirq.hpp"
#include "core/domain/timers.hpp"
#include "core/evtchn/evtchn.hpp"
#include "core/hypercall/guest_ptr.hpp"
#include "core/hypercall/table.hpp"
#include "core/sched/sched.hpp"
#include "core/xsm/check.hpp"

namespace hv {

namespace {

/// Is one of the ports pending? Sets the single port to wait for.
Result<bool> poll_ready(Vcpu& vcpu, const sched_poll_t& poll) {
    if (vcpu_events_pending(vcpu)) return true;
    for (u32 i = 0; i < poll.nr_ports; ++i) {
        evtchn_port_t port;
        TRY(GuestIn<evtchn_port_t>(poll.ports).offset(i).read(port));
        if (!evtchn_port_valid(*vcpu.domain, Port{port})) return Errno::inval;
        if (evtchn_port_pending(*vcpu.domain, Port{port})) return true;
        if (poll.nr_ports == 1) vcpu.poll_port.store(static_cast<s32>(port));
    }
    return false;
}

Status poll(u64 arg) {
    Vcpu& vcpu = current();
    const auto in = TRY(read_guest<sched_poll_t>(arg));
    if (in.nr_ports > 128) return Errno::inval;
    // Announce the wait, then look: an event that comes in between finds us blocked and clears it.
    vcpu.pause_flags.fetch_or(PauseFlag::blocked);
    vcpu.poll_port.store(-1);
    auto ready = poll_ready(vcpu, in);
    if (!ready.ok() || ready.value()) {
        vcpu.poll_port.store(0);
        vcpu.pause_flags.fetch_and(~PauseFlag::blocked);
        if (!ready.ok()) return ready.error();
        return {};
    }
    if (in.timeout) timer_set_here(vcpu.poll_timer, in.timeout);
    softirq_raise(Softirq::schedule);
    return {};
}

Status remote_shutdown(u64 arg) {
    const auto in = TRY(read_guest<sched_remote_shutdown_t>(arg));
    DomainRef domain = TRY(DomainRef::find(Domid{in.domain_id}));
    TRY(xsm_check(XsmOp::remote_shutdown, *domain));
    domain_shutdown(*domain, in.reason & XEN_DOMINF_shutdownmask);
    return {};
}

Status latch_code(u64 arg) {
    const auto in = TRY(read_guest<sched_shutdown_t>(arg));
    if (in.reason > SHUTDOWN_MAX) return Errno::inval;
    Domain& domain = *current().domain;
    const Guard guard(domain.shutdown_lock);
    if (!domain.shutting_down) domain.shutdown_code = in.reason;
    return {};
}

Status pin(u64 arg) {
    const auto in = TRY(read_guest<sched_pin_override_t>(arg));
    if (!current().domain->is_hardware) return Errno::perm;
    return sched_pin_override(current(), in.pcpu);
}

} // namespace

Result<s64> hypercall::sched_op(HypercallArgs& args) {
    const u64 arg = args.a[1];
    switch (args.a[0]) {
    case SCHEDOP_yield: sched_yield(); return s64{0};
    case SCHEDOP_block:
        write_once(current().info->evtchn_upcall_mask, u8{0});
        sched_block();
        return s64{0};
    case SCHEDOP_shutdown: {
        const auto in = TRY(read_guest<sched_shutdown_t>(arg));
        domain_shutdown(*current().domain, in.reason & XEN_DOMINF_shutdownmask);
        return s64{0};
    }
    case SCHEDOP_poll: TRY(poll(arg)); return s64{0};
    case SCHEDOP_remote_shutdown: TRY(remote_shutdown(arg)); return s64{0};
    case SCHEDOP_shutdown_code: TRY(latch_code(arg)); return s64{0};
    case SCHEDOP_watchdog: {
        const auto in = TRY(read_guest<sched_watchdog_t>(arg));
        return domain_watchdog(*current().domain, in.id, in.timeout);
    }
    case SCHEDOP_pin_override: TRY(pin(arg)); return s64{0};
    default: return Errno::nosys;
    }
}

} // namespace hv
