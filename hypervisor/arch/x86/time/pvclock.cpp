// SPDX-License-Identifier: MIT
#include "time/pvclock.hpp"

#include "core/hypercall/guest_ptr.hpp"
#include "core/time/timer.hpp"
#include "pv/pv.hpp"
#include "time/event_timer.hpp"
#include "time/time.hpp"

namespace hv {

namespace {

constexpr u64 second = 1'000'000'000;
SpinLock wall_lock{LockRank::leaf};
u64 wall_seconds; // at system time 0
u32 wall_nanoseconds;

/// Readers retry while the version is odd or has changed.
void write_time(vcpu_time_info_t& to, const vcpu_time_info_t& from) {
    write_once(to.version, from.version - 1);
    barrier(); // x86 keeps stores in order
    to.tsc_timestamp = from.tsc_timestamp;
    to.system_time = from.system_time;
    to.tsc_to_system_mul = from.tsc_to_system_mul;
    to.tsc_shift = from.tsc_shift;
    to.flags = from.flags;
    barrier();
    write_once(to.version, from.version);
}

/// The area that the guest named by virtual address, in its kernel's page table. A failing copy is the guest's loss.
void write_secondary(Vcpu& vcpu) {
    const bool in_user = !vcpu.arch.pv.kernel_mode;
    if (in_user && !pv_toggle_mode(vcpu)) return;
    const GuestOut<vcpu_time_info_t> area(vcpu.arch.time_info_guest);
    vcpu_time_info_t copy = vcpu.arch.time;
    copy.pad0 = 0;
    copy.version -= 1;
    const u32 final_version = vcpu.arch.time.version;
    if (area.write(copy).ok()) static_cast<void>(area.write_field(&vcpu_time_info_t::version, final_version));
    if (in_user) static_cast<void>(pv_toggle_mode(vcpu));
}

} // namespace

void update_vcpu_system_time(Vcpu& vcpu) {
    const ClockSnapshot clock = clock_snapshot();
    vcpu_time_info_t& last = vcpu.arch.time; // pad0 remembers which correction it reflects
    const u64 tsc = clock.tsc - cpu_tsc_offset(cpu_id());
    if (last.version != 0 && last.pad0 == clock.version && last.tsc_timestamp == tsc) return;
    last.version = (last.version + 2) & ~1U;
    last.pad0 = clock.version;
    last.tsc_timestamp = tsc;
    last.system_time = clock.ns;
    last.tsc_to_system_mul = clock.scale.mul_frac;
    last.tsc_shift = clock.scale.shift;
    last.flags = tsc_is_stable() ? XEN_PVCLOCK_TSC_STABLE_BIT : 0;
    write_time(vcpu.info->time, last);
    if (vcpu.arch.time_info_guest != 0 && &vcpu == &current()) write_secondary(vcpu);
}

void update_domain_wallclock(Domain& domain) {
    shared_info_t* shared = domain.shared_info;
    if (!shared) return;
    const IrqGuard guard(wall_lock);
    const u64 seconds = wall_seconds + static_cast<u64>(domain.time_offset_seconds);
    const u32 version = read_once(shared->wc_version) | 1;
    write_once(shared->wc_version, version);
    barrier();
    shared->wc_sec = static_cast<u32>(seconds);
    shared->wc_sec_hi = static_cast<u32>(seconds >> 32);
    shared->wc_nsec = wall_nanoseconds;
    barrier();
    write_once(shared->wc_version, version + 1);
}

Status do_settime(u64 secs, u32 nsecs, u64 system_time) {
    if (nsecs >= second || secs > ~u64{0} / second / 2) return Errno::inval;
    const u64 now = secs * second + nsecs;
    if (now < system_time) return Errno::inval;
    {
        const IrqGuard guard(wall_lock);
        wall_seconds = (now - system_time) / second;
        wall_nanoseconds = static_cast<u32>((now - system_time) % second);
    }
    for_each_domain([](Domain& domain) { update_domain_wallclock(domain); });
    return {};
}

void wallclock_init(u64 seconds_now) {
    const u64 up = now_ns();
    const u64 start = seconds_now * second > up ? seconds_now * second - up : 0;
    wall_seconds = start / second;
    wall_nanoseconds = static_cast<u32>(start % second);
}

} // namespace hv
