// SPDX-License-Identifier: MIT
// This CPU's one-shot interrupt: the LAPIC timer, by TSC deadline where there is one. Private to arch/x86/time.
#pragma once

#include "lib/types.hpp"

namespace hv {

void event_timer_init_cpu();
/// The LAPIC's count-down is measured against the TSC, whose rate must be known at the end.
void event_timer_calibration_start();
void event_timer_calibration_end();
const char* event_timer_name();
u64 local_tsc_at(u64 ns);             ///< time.cpp: what this CPU's TSC reads at a system time
void wallclock_init(u64 seconds_now); ///< pvclock.cpp

} // namespace hv
