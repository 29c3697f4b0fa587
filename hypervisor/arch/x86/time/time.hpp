// SPDX-License-Identifier: MIT
// System time: TSC ticks scaled to nanoseconds by one machine-wide rate, plus an offset per CPU for TSCs that do not
// agree. The rate comes from a platform timer (HPET, PM timer or PIT) and is corrected against it while the machine
// runs, unless the TSC is invariant.
#pragma once

#include "lib/ids.hpp"
#include "lib/types.hpp"
#include "time/tsc_scale.hpp"

namespace hv {

void time_init();     ///< boot CPU: platform timer, TSC and LAPIC rates, wall clock. After irq_init()
void time_init_cpu(); ///< an AP: its TSC offset, its event timer
u64 now_ns();         ///< also core/time/timer.hpp
/// Machine time between two TSC readings of this CPU.
u64 tsc_to_ns(u64 ticks);
u32 cpu_khz();                 ///< physinfo, XENMEM, CPUID
void udelay(u64 microseconds); ///< busy; usable as soon as time_init() ran

/// The machine's clock right now, for pvclock. `version` changes with every correction.
struct ClockSnapshot {
    u64 tsc; ///< machine-wide TSC value to which `ns` belongs; a CPU's own reading is lower by its offset
    u64 ns;
    TscScale scale;
    u32 version;
};
ClockSnapshot clock_snapshot();
u64 cpu_tsc_offset(CpuId cpu);
bool tsc_is_stable(); ///< invariant and the same on all CPUs: guests may trust it across vCPUs

/// From the LAPIC timer vector.
void event_timer_interrupt();

} // namespace hv
