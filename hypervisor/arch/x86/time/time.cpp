// SPDX-License-Identifier: MIT
#include "time/time.hpp"

#include "core/debug/keyhandler.hpp"
#include "core/debug/printk.hpp"
#include "core/deferred/softirq.hpp"
#include "core/sched/sched.hpp"
#include "core/time/timer.hpp"
#include "cpu/cpu_init.hpp"
#include "cpu/cpuid.hpp"
#include "cpu/cr.hpp"
#include "lib/percpu.hpp"
#include "time/clock.hpp"
#include "time/event_timer.hpp"
#include "time/platform_timer.hpp"
#include "time/pvclock.hpp"

namespace hv {

namespace {

constexpr u64 correction_period_ns = 2'000'000'000; // well below a 24-bit PM timer's wrap of 4.7 s
constexpr u32 calibration_ms = 20;

constinit ClockLatch latch;
constinit PerCpu<u64> tsc_offset; // added to this CPU's TSC to get the machine's
bool offsets_differ;
const PlatformTimer* platform;
TscScale platform_scale;
u64 tsc_hz;
Timer correction_timer;

// The reference, extended beyond the counter's wrap.
SpinLock reference_lock{LockRank::time};
struct {
    u64 raw;   // last counter value
    u64 ticks; // counted since the start
    u64 start_tsc;
    u64 start_ns;
} reference;

struct Pair {
    u64 tsc, raw, window;
};

/// Both counters at one moment: the reading with the least time in between of several.
Pair read_pair() {
    Pair best{0, 0, ~u64{0}};
    for (int i = 0; i < 8; ++i) {
        const IrqOff off;
        const u64 before = rdtsc_ordered();
        const u64 raw = platform->read();
        const u64 after = rdtsc_ordered();
        if (after - before < best.window) best = {before + (after - before) / 2, raw, after - before};
    }
    return best;
}

/// Reference nanoseconds at a counter value just read.
u64 reference_ns_at(u64 raw) {
    const IrqGuard guard(reference_lock);
    reference.ticks += (raw - reference.raw) & platform->mask;
    reference.raw = raw;
    return platform_scale.to_ns(reference.ticks);
}

/// TSC and LAPIC rates against the platform timer, or the PIT.
void calibrate() {
    u64 start_tsc, ticks, ns;
    event_timer_calibration_start();
    if (platform) {
        const Pair first = read_pair();
        const u64 want = platform->hz * calibration_ms / 1000;
        reference = {first.raw, 0, first.tsc, 0};
        while (((platform->read() - first.raw) & platform->mask) < want)
            cpu_relax();
        const Pair last = read_pair();
        ticks = last.tsc - first.tsc;
        ns = reference_ns_at(last.raw);
        start_tsc = first.tsc;
    } else {
        start_tsc = rdtsc_ordered();
        ticks = pit_measure_tsc(calibration_ms);
        ns = u64{calibration_ms} * 1'000'000;
        log_warning("time: neither HPET nor PM timer: TSC rate from the PIT, never corrected");
    }
    ClockParams params;
    params.tsc = start_tsc;
    params.set_rate(ns, ticks);
    latch.publish(params);
    event_timer_calibration_end();
    tsc_hz = TscScale::from_ratio(ticks, ns).to_ns(1'000'000'000);
}

/// On the boot CPU, every correction_period_ns. Guests hear of it on their next pass through the hypervisor.
void correct(void*) {
    const Pair now = read_pair();
    const ClockParams old = latch.read();
    if (now.tsc > old.tsc) {
        const u64 ns = reference_ns_at(now.raw);
        latch.publish(old.corrected(now.tsc, reference.start_ns + ns, ns, now.tsc - reference.start_tsc));
        for_each_cpu(online_cpus, [](CpuId cpu) {
            const CpuInfo* info = cpu_info_of(cpu);
            if (info && info->current && !info->current->is_idle) softirq_raise_on(cpu, Softirq::time_calibrate);
        });
    }
    correction_timer.set(now_ns() + correction_period_ns);
}

void dump(char) {
    u32 version;
    const ClockParams params = latch.read(&version);
    log_info("time: {} ns, TSC {} kHz (mul {:x} shift {}), {} corrections, {}, platform timer {}", now_ns(),
             tsc_hz / 1000, params.to_ns.mul_frac, params.to_ns.shift, version - 1,
             tsc_is_stable() ? "stable" : "not stable", platform ? platform->name : "none");
    for_each_cpu(online_cpus, [](CpuId cpu) {
        if (tsc_offset.on(cpu)) log_info("CPU{}: TSC offset {}", cpu, static_cast<s64>(tsc_offset.on(cpu)));
    });
}

} // namespace

u64 now_ns() { return latch.at(rdtsc_ordered() + tsc_offset.get()); }

u64 tsc_to_ns(u64 ticks) { return latch.read().to_ns.to_ns(ticks); }
u32 cpu_khz() { return static_cast<u32>(tsc_hz / 1000); }
u64 cpu_tsc_offset(CpuId cpu) { return tsc_offset.on(cpu); }
bool tsc_is_stable() { return cpu_features.invariant_tsc && !offsets_differ; }
u64 local_tsc_at(u64 ns) { return latch.read().ticks_at(ns) - tsc_offset.get(); }

ClockSnapshot clock_snapshot() {
    ClockSnapshot snapshot;
    const ClockParams params = latch.read(&snapshot.version);
    snapshot.tsc = params.tsc;
    snapshot.ns = params.ns;
    snapshot.scale = params.to_ns;
    return snapshot;
}

void udelay(u64 microseconds) {
    const u64 start = rdtsc_ordered(), ticks = latch.read().to_ticks.to_ns(microseconds * 1000);
    while (rdtsc_ordered() - start < ticks)
        cpu_relax();
}

void time_init() {
    platform = platform_timer_init();
    if (platform) platform_scale = TscScale::from_frequency(platform->hz);
    event_timer_init_cpu();
    calibrate();
    log_info("time: TSC {} kHz{}, event timer {}", tsc_hz / 1000, cpu_features.invariant_tsc ? ", invariant" : "",
             event_timer_name());
    wallclock_init(cmos_read_seconds());
    softirq_register(Softirq::time_calibrate, [] {
        if (!current().is_idle) update_vcpu_system_time(current());
    });
    keyhandler_register('t', dump, "show the system clock");
    keyhandler_register(
        'a', [](char) { timer_dump(); }, "dump timers");
    if (platform && !cpu_features.invariant_tsc) {
        correction_timer.init(correct, nullptr, 0);
        correction_timer.set(now_ns() + correction_period_ns / 4);
    }
}

void time_init_cpu() {
    event_timer_init_cpu();
    if (!platform) return;
    const Pair pair = read_pair();
    const u64 true_ns = reference.start_ns + reference_ns_at(pair.raw);
    const ClockParams params = latch.read();
    const s64 error = static_cast<s64>(true_ns - params.at(pair.tsc));
    const u64 noise = params.to_ns.to_ns(pair.window) + 100'000; // the rate itself is good to some 50 ppm
    if (error < -static_cast<s64>(noise) || error > static_cast<s64>(noise)) {
        const u64 ticks = params.to_ticks.to_ns(static_cast<u64>(error < 0 ? -error : error));
        tsc_offset.get() = error < 0 ? 0 - ticks : ticks;
        offsets_differ = true;
        log_info("CPU{}: TSC is {} us off", cpu_id(), -error / 1000);
    }
}

} // namespace hv
