// SPDX-License-Identifier: MIT
// One-shot timers in system time (nanoseconds since boot, monotonic). Each lives on one CPU's heap.
#pragma once

#include "core/time/timer_heap.hpp"
#include "lib/ids.hpp"
#include "lib/types.hpp"

namespace hv {

/// System time in ns (core clock of the machine, scaled TSC).
u64 now_ns();

class Timer : NoCopy {
  public:
    using Callback = void (*)(void* data);
    void init(Callback callback, void* data, CpuId cpu);
    void set(u64 expires_ns); ///< (re)arms; an expiry in the past fires at once
    void stop();              ///< afterwards the callback is not running on any CPU unless called from itself
    void migrate(CpuId cpu);
    [[nodiscard]] bool armed() const { return node_.queued(); }
    [[nodiscard]] u64 expires() const { return node_.key; }
    [[nodiscard]] CpuId cpu() const { return cpu_; }

  private:
    friend struct TimerCpu;
    PairingNode node_; ///< first: the heap's node is the timer
    Callback callback_ = nullptr;
    void* data_ = nullptr;
    CpuId cpu_ = 0;
    CpuId ran_on_ = 0;   ///< where its callback was last started
    bool rearm_ = false; ///< was armed when migrate() took it off the old CPU's heap
};

void timer_init(); ///< registers the softirq; before the first Timer is armed
void timer_dump(); ///< key handler: every CPU's armed timers
/// Arch hook: programs this CPU's event timer for `deadline_ns` (0 = none). Called with interrupts off.
void event_timer_program(u64 deadline_ns);

} // namespace hv
