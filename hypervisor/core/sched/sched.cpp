// SPDX-License-Identifier: MIT
// Who runs where: waking, choosing the next vCPU, stealing. Only `schedule()` (softirq, on the exit path) switches.
#include "core/sched/sched.hpp"

#include "core/deferred/softirq.hpp"
#include "core/sched/run.hpp"
#include "irq/irq.hpp"

namespace hv {

CpuMask online_cpus;
CpuSched* sched_cpus[max_cpus];
u64 sched_ratelimit_ns = 1'000'000;

namespace {

Atomic<u64> idle_bits[max_cpus / 64]; // CPUs that run their idle vCPU and have not been given work since

void set_idle(CpuId cpu, bool idle) {
    const u64 bit = u64{1} << (cpu % 64);
    Atomic<u64>& word = idle_bits[cpu / 64];
    if (((word.load(Order::relaxed) & bit) != 0) == idle) return;
    if (idle)
        word.fetch_or(bit);
    else
        word.fetch_and(~bit);
}

CpuMask idle_mask() {
    CpuMask mask;
    for (unsigned i = 0; i < max_cpus / 64; ++i)
        mask.bits[i] = idle_bits[i].load(Order::relaxed);
    return mask;
}

FairUnit* runner_of(CpuSched& cpu) { return cpu.running->is_idle ? nullptr : cpu.running->sched; }

/// Accounts the running vCPU's time up to now. Its CPU's lock is held.
void charge_running(CpuSched& cpu, u64 now) {
    if (!cpu.running->is_idle && now > cpu.charged_to) cpu.running->sched->charge(now - cpu.charged_to);
    cpu.charged_to = now;
}

CpuId nearest(const CpuMask& mask, CpuId to) {
    if (mask.test(to)) return to;
    const CpuId after = mask.next(to);
    return after < max_cpus ? after : mask.first();
}

/// Where a waking unit should run: its last CPU when idle (warm caches), any idle CPU it likes, any idle CPU it may
/// use, else the last one. -> stealing corrects what this gets wrong.
CpuId choose_cpu(const Vcpu& vcpu) {
    const SchedUnit& unit = *vcpu.sched;
    const CpuMask allowed = unit.hard & online_cpus;
    const CpuMask idle = allowed & idle_mask();
    if (const CpuMask liked = idle & unit.soft; !liked.empty()) return nearest(liked, vcpu.processor);
    if (!idle.empty()) return nearest(idle, vcpu.processor);
    if (allowed.test(vcpu.processor)) return vcpu.processor;
    // Affinity is checked when it is set; only a CPU that went away can leave nothing.
    return allowed.empty() ? vcpu.processor : nearest(allowed, vcpu.processor);
}

/// Where the runner of another CPU has got to: a racy peek, good enough to choose by.
bool peek_runner(CpuId id, u64 now, u64& vtime) {
    const CpuSched* cpu = sched_cpus[id];
    const Vcpu* running = cpu ? read_once(cpu->running) : nullptr;
    if (!running || running->is_idle) return false;
    const u64 since = read_once(cpu->charged_to);
    vtime = running->sched->vtime + (now > since ? running->sched->to_virtual(now - since) : 0);
    return true;
}

/// No idle CPU: among the CPUs it may use, the one whose runner is furthest ahead of it by more than `lead`.
CpuId weakest_cpu(const SchedUnit& unit, CpuId otherwise, u64 lead, u64 now) {
    CpuId best = otherwise;
    u64 best_vtime = unit.vtime + lead;
    for_each_cpu(unit.hard & online_cpus, [&](CpuId id) {
        u64 vtime;
        if (id != otherwise && peek_runner(id, now, vtime) && FairUnit::before(best_vtime, vtime)) {
            best = id;
            best_vtime = vtime;
        }
    });
    return best;
}

void arm(CpuSched& cpu, u64 deadline) {
    if (cpu.slice_end && cpu.slice_end <= deadline) return;
    cpu.slice_end = deadline;
    cpu.timer.set(deadline);
}

/// Queues a runnable unit on `cpu` (lock held). Returns the CPU that must look at it, or max_cpus: to be told once the
/// lock is free, since the first thing it does is to take it.
CpuId insert(CpuSched& cpu, Vcpu& vcpu, u64 now, bool woken) {
    SchedUnit& unit = *vcpu.sched;
    charge_running(cpu, now);
    if (woken) cpu.queue.place(unit, runner_of(cpu));
    cpu.queue.insert(unit);
    unit.queued = true;
    runstate_change(vcpu, RUNSTATE_runnable, now);
    const CpuId id = vcpu.processor;
    if (cpu.running->is_idle) {
        set_idle(id, false);
        return id;
    }
    // A CPU that went idle after choose_cpu() looked, and before this was queued, has seen nothing to steal.
    memory_fence();
    if (const CpuMask idle = idle_mask() & unit.hard; !idle.empty()) return nearest(idle, id);
    const SchedUnit& runner = *cpu.running->sched;
    if (woken && fair_preempts(unit, runner.vtime)) {
        if (now - cpu.stint_start >= sched_ratelimit_ns) return id;
        arm(cpu, cpu.stint_start + sched_ratelimit_ns);
    } else if (!cpu.slice_end) {
        arm(cpu, now + fair_slice(runner, cpu.queue.head()));
    }
    return max_cpus;
}

void park(Vcpu& vcpu, u64 now) {
    auto& group = static_cast<SchedDomain&>(*vcpu.sched->group);
    vcpu.sched->parked = true;
    runstate_change(vcpu, RUNSTATE_runnable, now);
    group.refill_timer.set(group.refill_at.load(Order::relaxed));
}

CpuId place_for_wake(const CpuSched& cpu, const Vcpu& vcpu, bool woken, u64 now) {
    const CpuId to = choose_cpu(vcpu);
    if (!woken || to != vcpu.processor || cpu.running->is_idle || fair_preempts(*vcpu.sched, cpu.running->sched->vtime))
        return to;
    return weakest_cpu(*vcpu.sched, to, fair_preempt_ns, now);
}

/// Makes a vCPU that is off the queues and not running available again, if it is runnable.
void make_available(Vcpu& vcpu, bool woken) {
    SchedUnit& unit = *vcpu.sched;
    CpuId settled = max_cpus, tell = max_cpus;
    while (tell == max_cpus) {
        UnitGuard cpu(vcpu);
        if (!vcpu_runnable(vcpu) || unit.queued || unit.parked || vcpu.is_running.load()) return;
        const u64 now = now_ns();
        if (settled != vcpu.processor) {
            unit.group->refill(now);
            if (unit.group->exhausted()) return park(vcpu, now);
            settled = place_for_wake(*cpu, vcpu, woken, now);
            if (settled != vcpu.processor) { // it is nobody's at this moment: go round with the other CPU's lock
                write_once(vcpu.processor, settled);
                continue;
            }
        }
        tell = insert(*cpu, vcpu, now, woken);
        if (tell == max_cpus) return;
    }
    softirq_raise_on(tell, Softirq::schedule);
}

/// Takes the unit that lags most from another CPU's queue. `limit`: only one that lags behind this virtual time.
Vcpu* steal(CpuSched& here, CpuId me, const u64* limit) {
    Vcpu* found = nullptr;
    for_each_cpu(online_cpus, [&](CpuId id) {
        CpuSched* other = sched_cpus[id];
        if (found || id == me || !other || other->queue.empty()) return;
        if (limit && !FairUnit::before(other->queue.head_vtime(), *limit)) return;
        if (!other->lock.try_lock()) return;
        if (FairUnit* unit = other->queue.stealable(me, limit)) {
            auto& mine = static_cast<SchedUnit&>(*unit);
            other->queue.remove(mine);
            mine.queued = false;
            write_once(mine.vcpu->processor, me);
            here.queue.place(mine, runner_of(here));
            found = mine.vcpu;
        }
        other->lock.unlock();
    });
    return found;
}

bool stays(const Vcpu& prev, CpuId me) {
    return !prev.is_idle && vcpu_runnable(prev) && prev.sched->hard.test(me) && !prev.sched->group->exhausted();
}

/// Picks from the own queue, `prev` (when it may stay) and other CPUs. Never nullptr.
Vcpu& pick(CpuSched& cpu, CpuId me, Vcpu& prev, u64 now) {
    Vcpu* keep = stays(prev, me) ? &prev : nullptr;
    const bool yielding = keep && prev.sched->yielding;
    if (keep && !yielding && now - cpu.stint_start < sched_ratelimit_ns) return *keep;
    while (FairUnit* head = cpu.queue.head()) {
        Vcpu& first = *static_cast<SchedUnit*>(head)->vcpu;
        if (keep && !yielding && FairUnit::before(keep->sched->vtime, head->vtime + 1)) break;
        cpu.queue.remove(*head);
        first.sched->queued = false;
        head->group->refill(now);
        if (head->group->exhausted()) {
            park(first, now);
            continue;
        }
        return first;
    }
    if (keep && yielding) return *keep;
    if (!keep) set_idle(me, true); // before looking around, see insert()
    const u64 limit = keep ? keep->sched->vtime - keep->sched->to_virtual(fair_slack_ns) : 0;
    if (online_cpus.count() > 1)
        if (Vcpu* other = steal(cpu, me, keep ? &limit : nullptr)) return *other;
    return keep ? *keep : *cpu.idle;
}

void start_stint(CpuSched& cpu, CpuId me, Vcpu& prev, Vcpu& next, u64 now) {
    if (&next != &prev) {
        if (!prev.is_idle)
            runstate_change(prev,
                            vcpu_runnable(prev)                                          ? RUNSTATE_runnable
                            : prev.pause_flags.load(Order::relaxed) & PauseFlag::blocked ? RUNSTATE_blocked
                                                                                         : RUNSTATE_offline,
                            now);
        else
            runstate_change(prev, RUNSTATE_runnable, now);
        next.is_running.store(true, Order::relaxed);
        runstate_change(next, RUNSTATE_running, now);
        write_once(cpu.running, &next);
        cpu.stint_start = now;
        set_idle(me, next.is_idle);
    }
    cpu.charged_to = now;
    u64 slice = 0;
    if (!next.is_idle && (!cpu.queue.empty() || next.sched->group->cap)) {
        slice = fair_slice(*next.sched, cpu.queue.head());
        if (&next == &prev && now - cpu.stint_start < sched_ratelimit_ns && !cpu.queue.empty() &&
            fair_preempts(*cpu.queue.head(), next.sched->vtime))
            slice = cpu.stint_start + sched_ratelimit_ns - now;
    }
    if (slice) {
        cpu.slice_end = now + slice;
        cpu.timer.set(cpu.slice_end);
    } else if (cpu.slice_end) {
        cpu.slice_end = 0;
        cpu.timer.stop();
    }
}

/// The softirq: runs with interrupts on, on the exit path or in the idle loop, no locks held.
void schedule() {
    irq_disable();
    const CpuId me = cpu_id();
    CpuSched& cpu = *sched_cpus[me];
    cpu.lock.lock();
    Vcpu& prev = *cpu.running;
    const u64 now = now_ns();
    charge_running(cpu, now);
    if (!prev.is_idle) prev.sched->group->refill(now);
    Vcpu& next = pick(cpu, me, prev, now);
    if (!prev.is_idle) prev.sched->yielding = false;
    start_stint(cpu, me, prev, next, now);
    // A CPU that runs one vCPU has no timer and would never look around: have it take over who waits here too long.
    CpuId helper = me;
    if (FairUnit* waits = cpu.queue.head())
        helper = weakest_cpu(static_cast<SchedUnit&>(*waits), me, 2 * waits->to_virtual(fair_slack_ns), now);
    cpu.lock.unlock();
    if (helper != me) softirq_raise_on(helper, Softirq::schedule);
    if (&next == &prev) {
        irq_enable();
        return;
    }
    context_switch(prev, next);
}

void slice_over(void* data) {
    auto& cpu = *static_cast<CpuSched*>(data);
    {
        const IrqGuard guard(cpu.lock);
        cpu.slice_end = 0;
    }
    softirq_raise_on(cpu.idle->processor, Softirq::schedule);
}

} // namespace

void runstate_change(Vcpu& vcpu, int state, u64 now) {
    vcpu_runstate_info_t& info = vcpu.runstate;
    if (info.state == state) return;
    if (now > info.state_entry_time) info.time[info.state] += now - info.state_entry_time;
    info.state_entry_time = now;
    info.state = state;
}

void sched_unqueue(CpuSched& cpu, Vcpu& vcpu) {
    SchedUnit& unit = *vcpu.sched;
    if (unit.queued) cpu.queue.remove(unit);
    unit.queued = unit.parked = false;
}

void context_saved(Vcpu& prev) {
    // Under the lock, so that a waker either sees it not running and queues it, or has made it runnable before.
    {
        const UnitGuard cpu(prev);
        prev.is_running.store(false);
    }
    if (!prev.is_idle && vcpu_runnable(prev)) make_available(prev, false);
}

void vcpu_wake(Vcpu& vcpu) {
    if (vcpu_runnable(vcpu))
        make_available(vcpu, true);
    else if (vcpu.runstate.state == RUNSTATE_blocked) { // unblocked, but paused for another reason
        UnitGuard cpu(vcpu);
        if (!vcpu.is_running.load() && !vcpu_runnable(vcpu) && !(vcpu.pause_flags.load() & PauseFlag::blocked))
            runstate_change(vcpu, RUNSTATE_offline, now_ns());
    }
}

void vcpu_sleep_nosync(Vcpu& vcpu) {
    UnitGuard cpu(vcpu);
    if (vcpu_runnable(vcpu)) return;
    if (vcpu.sched->queued || vcpu.sched->parked) {
        sched_unqueue(*cpu, vcpu);
        runstate_change(vcpu, RUNSTATE_offline, now_ns());
    } else if (cpu->running == &vcpu) {
        const CpuId id = vcpu.processor;
        cpu.unlock();
        softirq_raise_on(id, Softirq::schedule);
    }
}

void vcpu_sleep_sync(Vcpu& vcpu) {
    HV_ASSERT(&vcpu != &current());
    vcpu_sleep_nosync(vcpu);
    while (!vcpu_runnable(vcpu) && vcpu.is_running.load(Order::acquire))
        cpu_relax();
}

void vcpu_unblock(Vcpu& vcpu) {
    if (!(vcpu.pause_flags.load() & PauseFlag::blocked)) return;
    vcpu.poll_port.store(0);
    if (vcpu.pause_flags.fetch_and(~PauseFlag::blocked) & PauseFlag::blocked) vcpu_wake(vcpu);
}

void vcpu_kick(Vcpu& vcpu) {
    if (&vcpu != &current() && vcpu.is_running.load()) send_ipi(read_once(vcpu.processor), vector_event_check);
}

void sched_block() {
    Vcpu& vcpu = current();
    vcpu.pause_flags.fetch_or(PauseFlag::blocked);
    // Whoever sets the pending flag looks at `blocked` afterwards; we the other way round.
    if (vcpu_events_pending(vcpu))
        vcpu.pause_flags.fetch_and(~PauseFlag::blocked);
    else
        softirq_raise(Softirq::schedule);
}

void sched_yield() {
    CpuSched& cpu = sched_here();
    if (cpu.queue.empty()) return; // nobody to yield to
    current().sched->yielding = true;
    softirq_raise(Softirq::schedule);
}

Status sched_cpu_up(CpuId id) {
    if (sched_cpus[id]) return {};
    auto* cpu = make<CpuSched>();
    if (!cpu) return Errno::no_mem;
    cpu->timer.init(slice_over, cpu, id);
    sched_cpus[id] = cpu;
    auto idle = vcpu_create(idle_domain(), id);
    if (!idle.ok()) {
        sched_cpus[id] = nullptr;
        destroy(cpu);
        return idle.error();
    }
    cpu->idle = cpu->running = idle.value();
    cpu->idle->is_running.store(true);
    cpu->idle->runstate.state = RUNSTATE_running;
    cpu->idle->runstate.state_entry_time = now_ns();
    return {};
}

void sched_init() {
    softirq_register(Softirq::schedule, schedule);
    HV_BUG_ON(!sched_cpu_up(0).ok());
    online_cpus.set(0);
    cpu_info().current = &idle_vcpu(0);
    sched_dump_init();
}

bool sched_all_idle() { return (online_cpus & idle_mask()) == online_cpus; }

Vcpu& idle_vcpu(CpuId cpu) { return *sched_cpus[cpu]->idle; }

/// The idle loop's first step on a CPU: it is now open for work.
void sched_cpu_idle_entered() {
    const CpuId me = cpu_id();
    if (sched_cpus[me]->running->is_idle && sched_cpus[me]->queue.empty()) set_idle(me, true);
}

} // namespace hv
