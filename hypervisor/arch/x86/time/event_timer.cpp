// SPDX-License-Identifier: MIT
#include "time/event_timer.hpp"

#include "core/deferred/softirq.hpp"
#include "core/init/cmdline.hpp"
#include "core/time/timer.hpp"
#include "cpu/cpuid.hpp"
#include "cpu/cr.hpp"
#include "cpu/msr.hpp"
#include "irq/irq.hpp"
#include "irq/lapic.hpp"
#include "lib/percpu.hpp"
#include "time/time.hpp"

namespace hv {

namespace {

BoolOption deadline_option("tdt", true);
HV_OPTION(deadline_option);

constexpr u32 lvt_masked = 1 << 16, lvt_deadline = 2 << 17, divide_by_1 = 0xb;
TscScale ns_to_count;
u64 calibration_tsc;
constinit PerCpu<u64> programmed; // system time of the interrupt to come, 0: none

bool by_deadline() { return cpu_features.tsc_deadline && deadline_option.value; }

} // namespace

const char* event_timer_name() { return by_deadline() ? "TSC deadline" : "LAPIC one-shot"; }

void event_timer_init_cpu() {
    lapic_write(LapicReg::lvt_timer, vector_local_timer | (by_deadline() ? lvt_deadline : 0));
    lapic_write(LapicReg::timer_divide, divide_by_1);
    memory_fence(); // the LVT write before the first deadline (SDM vol.3 11.5.4.1)
}

void event_timer_calibration_start() {
    if (by_deadline()) return;
    lapic_write(LapicReg::lvt_timer, vector_local_timer | lvt_masked);
    lapic_write(LapicReg::timer_initial, ~0U);
    calibration_tsc = rdtsc_ordered();
}

void event_timer_calibration_end() {
    if (by_deadline()) return;
    const u64 ns = tsc_to_ns(rdtsc_ordered() - calibration_tsc);
    const u32 counted = ~0U - lapic_read(LapicReg::timer_current);
    lapic_write(LapicReg::timer_initial, 0);
    ns_to_count = TscScale::from_ratio(counted ? counted : 1, ns);
    event_timer_init_cpu();
}

/// An earlier interrupt already under way is left alone: taking it once too often is cheaper than reprogramming each
/// time a timer is stopped or put off.
void event_timer_program(u64 deadline_ns) {
    u64& pending = programmed.get();
    if (deadline_ns == 0 || (pending != 0 && pending <= deadline_ns)) return;
    const u64 now = now_ns();
    if (deadline_ns <= now) {
        softirq_raise(Softirq::timer);
        return;
    }
    pending = deadline_ns;
    if (by_deadline()) {
        wrmsr(Msr::tsc_deadline, local_tsc_at(deadline_ns));
        return;
    }
    const u64 delta = deadline_ns - now;
    const u64 count = ns_to_count.to_ns(delta + (delta >> 13)) + 1; // rather a little late than twice
    lapic_write(LapicReg::timer_initial, count > ~0U ? ~0U : static_cast<u32>(count));
}

void event_timer_interrupt() {
    programmed.get() = 0;
    softirq_raise(Softirq::timer);
}

} // namespace hv
