// SPDX-License-Identifier: MIT
// Host version: there are no interrupts; spinning threads give way.
#pragma once

#include <sched.h>

#include "lib/types.hpp"

namespace hv {

inline void irq_disable() {}
inline void irq_enable() {}
inline bool irqs_enabled() { return true; }
inline u64 irq_save() { return 0; }
inline void irq_restore(u64) {}
inline void cpu_relax() { sched_yield(); }

} // namespace hv
