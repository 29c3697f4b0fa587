// SPDX-License-Identifier: MIT
// Hypercalls vcpu_op (xen/vcpu.h) and set_timer_op.
#include "core/domain/timers.hpp"
#include "core/evtchn/evtchn.hpp"
#include "core/hypercall/guest_ptr.hpp"
#include "core/hypercall/table.hpp"
#include "core/mm/heap.hpp"
#include "core/sched/sched.hpp"
#include "cpu/cpu_init.hpp"
#include "time/pvclock.hpp"

namespace hv {

namespace {

constexpr u64 max_delta_ns = u64{1} << 62;

Status initialise(Vcpu& vcpu, u64 arg) {
    Domain& domain = *vcpu.domain;
    if (vcpu_info_is_dummy(vcpu)) return Errno::inval;
    auto* context = make<vcpu_guest_context_t>();
    if (!context) return Errno::no_mem;
    Status status = GuestIn<vcpu_guest_context_t>(arg).read(*context);
    if (status.ok()) {
        const Guard guard(domain.lock);
        status = vcpu.initialised ? Status{Errno::exist} : arch_set_context(vcpu, *context);
        if (status.ok()) vcpu.initialised = true;
    }
    destroy(context);
    return status;
}

Status bring_up(Vcpu& vcpu) {
    {
        const Guard guard(vcpu.domain->lock);
        if (!vcpu.initialised) return Errno::inval;
        if (!(vcpu.pause_flags.fetch_and(~PauseFlag::down) & PauseFlag::down)) return {};
    }
    vcpu_wake(vcpu);
    return {};
}

/// The last vCPU that goes down turns the domain off.
void take_down(Vcpu& vcpu) {
    bool others = false;
    for_each_vcpu(*vcpu.domain,
                  [&](Vcpu& other) { others |= &other != &vcpu && !(other.pause_flags.load() & PauseFlag::down); });
    if (!others) return domain_shutdown(*vcpu.domain, SHUTDOWN_poweroff);
    if (!(vcpu.pause_flags.fetch_or(PauseFlag::down) & PauseFlag::down)) vcpu_sleep_nosync(vcpu);
}

Status register_info(Vcpu& vcpu, u64 arg) {
    const auto in = TRY(read_guest<vcpu_register_vcpu_info_t>(arg));
    if (in.offset > page_size - sizeof(vcpu_info_t) || in.offset % alignof(vcpu_info_t)) return Errno::inval;
    if (&vcpu != &current() && !(vcpu.pause_flags.load() & PauseFlag::down)) return Errno::inval;
    TypedPageRef page = TRY(TypedPageRef::take(Mfn{in.mfn}, *vcpu.domain, PageType::writable));
    const Guard guard(vcpu.domain->lock);
    if (vcpu.info_page) return Errno::inval; // once only
    auto* info = reinterpret_cast<vcpu_info_t*>(map_as<u8>(page.mfn()) + in.offset);
    if (vcpu_info_is_dummy(vcpu)) {
        *info = {};
        info->evtchn_upcall_mask = 1;
    } else {
        *info = *vcpu.info;
    }
    __atomic_store_n(&vcpu.info, info, __ATOMIC_RELEASE);
    vcpu.info_page = &page.release();
    // An event may have gone to the old place in between: the guest looks at everything once.
    write_once(info->evtchn_pending_sel, ~xen_ulong_t{0});
    vcpu_mark_events_pending(vcpu);
    vcpu.arch.time.version = 0;
    if (&vcpu == &current()) update_vcpu_system_time(vcpu);
    return {};
}

Status register_runstate(Vcpu& vcpu, u64 arg) {
    const auto area = TRY(read_guest<vcpu_register_runstate_memory_area_t>(arg));
    vcpu_runstate_info_t info;
    vcpu_runstate_get(vcpu, info);
    if (&vcpu == &current())
        info = vcpu.runstate; // what the guest compares with system time: entry time, without the stint
    TRY(GuestOut<vcpu_runstate_info_t>(area.addr.p).write(info));
    vcpu.runstate_guest = area.addr.p;
    return {};
}

Status register_time(Vcpu& vcpu, u64 arg) {
    const auto area = TRY(read_guest<vcpu_register_time_memory_area_t>(arg));
    vcpu.arch.time_info_guest = area.addr.p;
    vcpu.arch.time.version = 0;
    if (&vcpu == &current()) update_vcpu_system_time(vcpu);
    return {};
}

Status set_periodic(Vcpu& vcpu, u64 arg) {
    const auto in = TRY(read_guest<vcpu_set_periodic_timer_t>(arg));
    if (in.period_ns < 1'000'000 || in.period_ns > max_delta_ns) return Errno::inval;
    vcpu.periodic_timer.stop();
    vcpu.periodic_last_event = now_ns();
    vcpu.periodic_period = in.period_ns;
    timer_set_here(vcpu.periodic_timer, vcpu.periodic_last_event + in.period_ns);
    return {};
}

Status set_singleshot(Vcpu& vcpu, u64 arg) {
    vcpu_set_singleshot_timer_t in;
    if (&vcpu != &current()) return Errno::inval;
    TRY(GuestIn<vcpu_set_singleshot_timer_t>(arg).read(in));
    if ((in.flags & VCPU_SSHOTTMR_future) && in.timeout_abs_ns < now_ns()) return Errno::time;
    timer_set_here(vcpu.singleshot_timer, in.timeout_abs_ns);
    return {};
}

Status runstate_info(Vcpu& vcpu, u64 arg) {
    vcpu_runstate_info_t info;
    vcpu_runstate_get(vcpu, info);
    return GuestOut<vcpu_runstate_info_t>(arg).write(info);
}

/// Only for a hardware domain's vCPU that is pinned to one CPU: else the answer would not last.
Status physical_id(Vcpu& vcpu, u64 arg) {
    CpuMask hard, soft;
    sched_get_affinity(vcpu, hard, soft);
    if (!vcpu.domain->is_hardware || hard.count() != 1) return Errno::inval;
    // The ACPI id equals the APIC id on every machine that this ABI call is used on (microcode, MCA).
    const u64 apic = cpu_apic_ids[hard.first()];
    return GuestOut<vcpu_get_physid_t>(arg).write({apic << 32 | apic});
}

Status dispatch(u32 op, Vcpu& vcpu, u64 arg) {
    switch (op) {
    case VCPUOP_initialise: return initialise(vcpu, arg);
    case VCPUOP_up: return bring_up(vcpu);
    case VCPUOP_down: take_down(vcpu); return {};
    case VCPUOP_get_runstate_info: return runstate_info(vcpu, arg);
    case VCPUOP_register_runstate_memory_area: return register_runstate(vcpu, arg);
    case VCPUOP_set_periodic_timer: return set_periodic(vcpu, arg);
    case VCPUOP_stop_periodic_timer:
        vcpu.periodic_period = 0;
        vcpu.periodic_timer.stop();
        return {};
    case VCPUOP_set_singleshot_timer: return set_singleshot(vcpu, arg);
    case VCPUOP_stop_singleshot_timer:
        if (&vcpu != &current()) return Errno::inval;
        vcpu.singleshot_timer.stop();
        return {};
    case VCPUOP_register_vcpu_info: return register_info(vcpu, arg);
    case VCPUOP_register_vcpu_time_memory_area: return register_time(vcpu, arg);
    case VCPUOP_get_physid: return physical_id(vcpu, arg);
    case VCPUOP_send_nmi: arch_send_nmi(vcpu); return {};
    default: return Errno::nosys;
    }
}

} // namespace

Result<s64> hypercall::vcpu_op(HypercallArgs& args) {
    const u32 op = static_cast<u32>(args.a[0]);
    Vcpu* vcpu = domain_vcpu(*current().domain, static_cast<u32>(args.a[1]));
    if (!vcpu) return Errno::no_ent;
    if (op == VCPUOP_is_up) return s64{!(vcpu->pause_flags.load() & PauseFlag::down)};
    TRY(dispatch(op, *vcpu, args.a[2]));
    return s64{0};
}

Result<s64> hypercall::set_timer_op(HypercallArgs& args) {
    Vcpu& vcpu = current();
    const u64 timeout = args.a[0], now = now_ns();
    if (timeout == 0)
        vcpu.singleshot_timer.stop();
    else if (static_cast<s64>(timeout) < 0 || (timeout > now && (timeout - now) >> 50))
        // Old Linux asks for "never" so, and has been seen to depend on coming back in time.
        timer_set_here(vcpu.singleshot_timer, now + 100'000'000);
    else
        timer_set_here(vcpu.singleshot_timer, timeout);
    return s64{0};
}

} // namespace hv
