// SPDX-License-Identifier: MIT
// The arithmetic of the system clock, free of the machine: a rate, corrected against a reference without ever running
// backwards.
#pragma once

#include "lib/atomic.hpp"
#include "time/tsc_scale.hpp"

namespace hv {

struct ClockParams {
    u64 tsc = 0; ///< reading to which `ns` belongs
    u64 ns = 0;
    TscScale to_ns;
    TscScale to_ticks; ///< the inverse

    [[nodiscard]] u64 at(u64 reading) const {
        // Another CPU's reading can lie a little before a base that was published meanwhile.
        return reading >= tsc ? ns + to_ns.to_ns(reading - tsc) : ns - to_ns.to_ns(tsc - reading);
    }
    [[nodiscard]] u64 ticks_at(u64 when) const { return when > ns ? tsc + to_ticks.to_ns(when - ns) : tsc; }
    void set_rate(u64 nanoseconds, u64 ticks) {
        to_ns = TscScale::from_ratio(nanoseconds, ticks);
        to_ticks = TscScale::from_ratio(ticks, nanoseconds);
    }

    /// Continues at `reading` with a rate that makes up for the distance to the reference's `true_ns` within as many
    /// ticks as since the last correction, by at most 1/2048 faster or slower; a lag of more than 100 ms (the machine
    /// was stopped) is jumped over.
    [[nodiscard]] ClockParams corrected(u64 reading, u64 true_ns, u64 reference_ns, u64 reference_ticks) const {
        ClockParams next;
        next.tsc = reading;
        next.ns = at(reading);
        s64 error = static_cast<s64>(true_ns - next.ns);
        if (error > 100'000'000) {
            next.ns = true_ns;
            error = 0;
        }
        const u64 ticks = reading - tsc;
        // Nanoseconds that these ticks really take, by the whole time measured so far.
        const u64 real = TscScale::from_ratio(reference_ns, reference_ticks).to_ns(ticks);
        const auto most = static_cast<s64>(real >> 11);
        error = error > most ? most : error < -most ? -most : error;
        next.set_rate(real + static_cast<u64>(error), ticks);
        return next;
    }
};

/// One writer, any readers, NMI handlers included: the writer fills the copy that readers are not using.
class ClockLatch {
  public:
    ClockParams read(u32* version = nullptr) const {
        for (;;) {
            const u32 seq = seq_.load(Order::acquire);
            const ClockParams params = copies_[seq & 1];
            barrier();
            __atomic_thread_fence(__ATOMIC_ACQUIRE);
            if (seq_.load(Order::relaxed) == seq) {
                if (version) *version = seq;
                return params;
            }
        }
    }
    /// read().at(reading), touching only what that needs.
    u64 at(u64 reading) const {
        for (;;) {
            const u32 seq = seq_.load(Order::acquire);
            const ClockParams& p = copies_[seq & 1];
            const u64 tsc = read_once(p.tsc), ns = read_once(p.ns);
            const TscScale scale{read_once(p.to_ns.mul_frac), read_once(p.to_ns.shift)};
            __atomic_thread_fence(__ATOMIC_ACQUIRE);
            if (seq_.load(Order::relaxed) == seq)
                return reading >= tsc ? ns + scale.to_ns(reading - tsc) : ns - scale.to_ns(tsc - reading);
        }
    }
    void publish(const ClockParams& params) {
        const u32 next = seq_.load(Order::relaxed) + 1;
        copies_[next & 1] = params;
        seq_.store(next, Order::release);
    }

  private:
    Atomic<u32> seq_{0};
    ClockParams copies_[2];
};

} // namespace hv
