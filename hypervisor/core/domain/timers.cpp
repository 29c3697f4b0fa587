// SPDX-License-Identifier: MIT
// VCPUOP timers, SCHEDOP_poll's time-out and SCHEDOP_watchdog.
#include "core/domain/timers.hpp"

#include "core/debug/printk.hpp"
#include "core/evtchn/evtchn.hpp"

namespace hv {

namespace {

void singleshot_fired(void* data) { evtchn_send_virq(*static_cast<Vcpu*>(data), VIRQ_TIMER); }

void periodic_fired(void* data) {
    auto& vcpu = *static_cast<Vcpu*>(data);
    const u64 period = read_once(vcpu.periodic_period), now = now_ns();
    if (!period) return;
    evtchn_send_virq(vcpu, VIRQ_TIMER);
    // Ticks that were missed are not made up for; the phase stays.
    vcpu.periodic_last_event += (now - vcpu.periodic_last_event) / period * period;
    vcpu.periodic_timer.set(vcpu.periodic_last_event + period);
}

void poll_timed_out(void* data) {
    auto& vcpu = *static_cast<Vcpu*>(data);
    if (vcpu.poll_port.exchange(0) != 0) vcpu_unblock(vcpu);
}

void watchdog_fired(void* data) {
    auto& domain = *static_cast<Domain*>(data);
    log_warning("domain {}: watchdog timer fired", domain.id);
    domain_shutdown(domain, SHUTDOWN_watchdog);
}

} // namespace

void vcpu_timers_init(Vcpu& vcpu) {
    vcpu.singleshot_timer.init(singleshot_fired, &vcpu, cpu_id());
    vcpu.periodic_timer.init(periodic_fired, &vcpu, cpu_id());
    vcpu.poll_timer.init(poll_timed_out, &vcpu, cpu_id());
}

void vcpu_timers_stop(Vcpu& vcpu) {
    vcpu.periodic_period = 0;
    vcpu.singleshot_timer.stop();
    vcpu.periodic_timer.stop();
    vcpu.poll_timer.stop();
}

Result<s64> domain_watchdog(Domain& domain, u32 id, u32 seconds) {
    constexpr u32 count = sizeof(domain.watchdog) / sizeof(domain.watchdog[0]);
    if (id > count) return Errno::inval;
    const Guard guard(domain.lock);
    if (id == 0) {
        if (seconds == 0) return Errno::inval;
        while (id < count && (domain.watchdogs & (1U << id)))
            ++id;
        if (id++ == count) return Errno::no_spc;
        domain.watchdogs |= 1U << (id - 1);
        domain.watchdog[id - 1].init(watchdog_fired, &domain, cpu_id());
        domain.watchdog[id - 1].set(now_ns() + u64{seconds} * 1'000'000'000);
        return s64{id};
    }
    if (!(domain.watchdogs & (1U << (id - 1)))) return Errno::inval;
    Timer& timer = domain.watchdog[id - 1];
    if (seconds) {
        timer.set(now_ns() + u64{seconds} * 1'000'000'000);
    } else {
        timer.stop();
        domain.watchdogs &= ~(1U << (id - 1));
    }
    return s64{0};
}

void domain_watchdog_stop(Domain& domain) {
    const Guard guard(domain.lock);
    for (u32 i = 0; domain.watchdogs; ++i)
        if (domain.watchdogs & (1U << i)) {
            domain.watchdog[i].stop();
            domain.watchdogs &= ~(1U << i);
        }
}

} // namespace hv
