// SPDX-License-Identifier: MIT
// The machine part of the scheduler (internal to core/sched): locks, CPUs, wake-ups around the pure queues of fair.hpp.
// Locking: a vCPU's scheduling state (queued, parked, runstate, vtime, processor) is guarded by the lock of the CPU
// that vcpu.processor names; it changes processor only under that lock while it is neither running nor queued, or
// under both CPUs' locks when it is stolen.
#pragma once

#include "core/mm/heap.hpp"
#include "core/sched/fair.hpp"
#include "core/sched/sched.hpp"
#include "lib/percpu.hpp"

namespace hv {

struct SchedUnit : FairUnit {
    Vcpu* vcpu = nullptr;
    bool queued = false;
    bool parked = false; ///< its domain has used up its cap; waits for the refill
    bool yielding = false;
    bool pin_overridden = false; ///< SCHEDOP_pin_override: saved_hard is what to go back to
    CpuMask saved_hard;
};

struct SchedDomain : FairGroup {
    Domain* domain = nullptr;
    Timer refill_timer;
};

struct CpuSched {
    SpinLock lock{LockRank::sched};
    FairQueue queue;
    Vcpu* running = nullptr;
    Vcpu* idle = nullptr;
    u64 stint_start = 0; ///< when `running` got the CPU
    u64 charged_to = 0;  ///< until when its run time is accounted
    u64 slice_end = 0;   ///< armed timer, 0 = none
    Timer timer;
};

/// nullptr for a CPU that was never brought up.
extern CpuSched* sched_cpus[max_cpus];
extern u64 sched_ratelimit_ns;

inline CpuSched& sched_here() { return *sched_cpus[cpu_id()]; }

/// The lock of the CPU that the vCPU belongs to.
class [[nodiscard]] UnitGuard : IrqOff {
  public:
    explicit UnitGuard(const Vcpu& vcpu) {
        for (;;) {
            const CpuId cpu = read_once(vcpu.processor);
            cpu_ = sched_cpus[cpu];
            cpu_->lock.lock();
            if (read_once(vcpu.processor) == cpu) break;
            cpu_->lock.unlock();
        }
    }
    ~UnitGuard() { unlock(); }
    void unlock() {
        if (cpu_) cpu_->lock.unlock();
        cpu_ = nullptr;
    }
    CpuSched* operator->() const { return cpu_; }
    CpuSched& operator*() const { return *cpu_; }

  private:
    CpuSched* cpu_ = nullptr;
};

/// Run-state bookkeeping; the unit's lock is held.
void runstate_change(Vcpu& vcpu, int state, u64 now);
/// Takes a queued or parked unit off; the unit's lock is held.
void sched_unqueue(CpuSched& cpu, Vcpu& vcpu);
void sched_cpu_idle_entered();
void sched_dump_init();

} // namespace hv
