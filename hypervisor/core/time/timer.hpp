// SPDX-License-Identifier: MIT
// One-shot timers in system time (nanoseconds since boot, monotonic). Each lives on one CPU's heap.
#pragma once

#include "lib/ids.hpp"
#include "lib/types.hpp"

namespace hv {

/// System time in ns (core clock of the machine, scaled TSC).
u64 now_ns();

class Timer {
  public:
    using Callback = void (*)(void* data);
    Timer() = default;
    Timer(const Timer&) = delete;
    Timer& operator=(const Timer&) = delete;
    void init(Callback callback, void* data, CpuId cpu);
    void set(u64 expires_ns);  ///< (re)arms; an expiry in the past fires at once
    void stop();               ///< afterwards the callback is not running on any CPU unless called from itself
    void migrate(CpuId cpu);
    [[nodiscard]] bool armed() const { return heap_slot_ != 0; }
    [[nodiscard]] u64 expires() const { return expires_; }

  private:
    friend class TimerHeap;
    friend struct TimerCpu;
    Callback callback_ = nullptr;
    void* data_ = nullptr;
    u64 expires_ = 0;
    u32 heap_slot_ = 0;  ///< 1-based position, 0 when not armed
    CpuId cpu_ = 0;
};

/// Arch hook: programs this CPU's event timer for `deadline_ns` (0 = none). Called with interrupts off.
void event_timer_program(u64 deadline_ns);

}  // namespace hv
