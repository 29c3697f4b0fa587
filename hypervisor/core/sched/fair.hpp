// SPDX-License-Identifier: MIT
// The pure part of the scheduler: virtual-time fair queueing. No machine, no locks, no clock of its own: the caller
// passes times and holds the lock of the queue. Tested on the host.
//
// A unit's virtual time grows by (run time * 256 / weight); the smallest runs first, so run times become proportional
// to weights. Virtual times are comparable between CPUs, which lets a CPU steal whoever lags most. A unit that was
// away is moved into a window around the queue's clock when it comes back, so that neither long sleep (hoarded
// credit) nor a past without competition (debt) starves anybody.
#pragma once

#include "lib/atomic.hpp"
#include "lib/cpumask.hpp"
#include "lib/list.hpp"

namespace hv {

inline constexpr u32 fair_default_weight = 256, fair_max_weight = 65535;
inline constexpr u64 fair_cap_period_ns = 10'000'000;
inline constexpr u64 fair_max_slice_ns = 10'000'000, fair_min_slice_ns = 500'000;
inline constexpr u64 fair_slack_ns = 4'000'000; ///< how far a runner may get ahead of the next in line
inline constexpr u64 fair_sleeper_credit_ns = 5'000'000, fair_max_debt_ns = 20'000'000;
inline constexpr u64 fair_preempt_ns = 200'000; ///< lag from which a waking unit interrupts the runner

/// A domain's share of the machine: weight, and a cap in percent of one CPU (0 = none) with its budget.
struct FairGroup {
    u32 weight = fair_default_weight;
    u32 cap = 0;
    Atomic<s64> budget_ns{0};
    Atomic<u64> refill_at{0};

    [[nodiscard]] u64 quota_ns() const { return fair_cap_period_ns * cap / 100; }
    [[nodiscard]] bool exhausted() const { return cap != 0 && budget_ns.load(Order::relaxed) <= 0; }
    void set_cap(u32 percent, u64 now);
    /// Starts as many periods as have passed. Debt is carried, unused budget is not.
    void refill(u64 now);
};

struct FairUnit {
    ListNode node;
    FairGroup* group = nullptr;
    u64 vtime = 0;
    CpuMask hard = CpuMask::all();
    CpuMask soft = CpuMask::all();

    [[nodiscard]] u64 to_virtual(u64 ns) const { return ns * fair_default_weight / group->weight; }
    [[nodiscard]] u64 to_real(u64 virtual_ns) const { return virtual_ns / fair_default_weight * group->weight; }
    /// It ran this long.
    void charge(u64 ran_ns);
    /// Virtual times wrap; they are never further apart than half their range.
    [[nodiscard]] static bool before(u64 a, u64 b) { return static_cast<s64>(a - b) < 0; }
};

/// Those waiting for one CPU, ordered by virtual time (ties: first come first served).
class FairQueue {
  public:
    [[nodiscard]] bool empty() const { return count() == 0; }
    [[nodiscard]] u32 count() const { return count_.load(Order::relaxed); }
    FairUnit* head() { return units_.front(); }
    /// Moves `unit` into this queue's window; `runner` is who has the CPU now (nullptr: idle). For units that slept or
    /// come from another CPU; one that merely lost the CPU keeps its virtual time.
    void place(FairUnit& unit, const FairUnit* runner);
    void insert(FairUnit& unit);
    void remove(FairUnit& unit);
    /// First unit that may run on `cpu`, preferring its soft affinity, and lags `limit` (when not null).
    FairUnit* stealable(CpuId cpu, const u64* limit);
    /// Virtual time of the head as last published; for other CPUs to peek at without the lock.
    [[nodiscard]] u64 head_vtime() const { return head_vtime_.load(Order::relaxed); }

    template <typename F> void each(F&& visit) {
        for (FairUnit& unit : units_)
            visit(unit);
    }

  private:
    void publish();
    List<FairUnit, &FairUnit::node> units_;
    Atomic<u32> count_{0};
    Atomic<u64> head_vtime_{0};
};

/// How long `runner` may go on, given who waits (nullptr: nobody). 0 = no limit: no timer needed.
u64 fair_slice(const FairUnit& runner, const FairUnit* waiting);
/// Should `waking` interrupt a runner that has reached `runner_vtime`?
inline bool fair_preempts(const FairUnit& waking, u64 runner_vtime) {
    return FairUnit::before(waking.vtime + fair_preempt_ns, runner_vtime);
}

} // namespace hv
