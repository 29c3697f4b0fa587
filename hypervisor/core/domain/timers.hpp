// SPDX-License-Identifier: MIT
// Internal to core/domain: the timers that the ABI gives a vCPU and a domain.
#pragma once

#include "core/domain/domain.hpp"

namespace hv {

void vcpu_timers_init(Vcpu& vcpu);
void vcpu_timers_stop(Vcpu& vcpu);
/// Arms a timer on this CPU, where its vCPU most likely runs when it fires.
inline void timer_set_here(Timer& timer, u64 expires) {
    if (timer.cpu() != cpu_id()) timer.migrate(cpu_id());
    timer.set(expires);
}
Result<s64> domain_watchdog(Domain& domain, u32 id, u32 seconds);
void domain_watchdog_stop(Domain& domain);

} // namespace hv
