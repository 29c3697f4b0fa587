// SPDX-License-Identifier: MIT
// The machine's reference counters. Private to arch/x86/time.
#pragma once

#include "lib/types.hpp"

namespace hv {

struct PlatformTimer {
    const char* name;
    u64 hz;
    u64 mask; ///< the counter wraps to 0 after it
    u64 (*read)();
};
/// HPET, else PM timer; nullptr when the machine has neither.
const PlatformTimer* platform_timer_init();
/// TSC ticks in about `ms` milliseconds of the PIT's channel 2 (8254 datasheet), for machines without the others.
u64 pit_measure_tsc(u32 ms);
/// Seconds since 1970 from the CMOS clock (MC146818A datasheet).
u64 cmos_read_seconds();

} // namespace hv
