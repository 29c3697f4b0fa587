// SPDX-License-Identifier: MIT
// Grace periods in batches. Softirqs run only outside hypercalls, so a CPU that takes Softirq::rcu holds no pointer
// that it read before. Costs one IPI per CPU and batch, and nothing while nobody asks.
#include "core/deferred/grace.hpp"

#include "core/deferred/softirq.hpp"
#include "core/sched/sched.hpp"
#include "lib/spinlock.hpp"

namespace hv {

namespace {

using CallList = List<GraceCall, &GraceCall::node>;

SpinLock grace_lock{LockRank::rcu};
constinit CallList waiting; // will join the next batch
constinit CallList batch;   // called when every CPU of `owing` has passed
CpuMask owing;

void move_all(CallList& from, CallList& to) {
    while (GraceCall* call = from.pop_front())
        to.push_back(*call);
}

/// With the lock held; the caller raises the softirq afterwards when this says so.
bool start_batch() {
    if (!batch.empty() || waiting.empty()) return false;
    move_all(waiting, batch);
    owing = online_cpus;
    return true;
}

void raise_everywhere() {
    for_each_cpu(online_cpus, [](CpuId cpu) { softirq_raise_on(cpu, Softirq::rcu); });
}

void pass() {
    CallList done;
    bool again = false;
    {
        const IrqGuard guard(grace_lock);
        if (!owing.test(cpu_id())) return;
        owing.clear(cpu_id());
        if (!owing.empty()) return;
        move_all(batch, done);
        again = start_batch();
    }
    if (again) raise_everywhere();
    while (GraceCall* call = done.pop_front())
        call->callback(*call);
}

} // namespace

void grace_init() { softirq_register(Softirq::rcu, pass); }

void grace_call(GraceCall& call, void (*callback)(GraceCall&)) {
    bool start;
    call.callback = callback;
    {
        const IrqGuard guard(grace_lock);
        waiting.push_back(call);
        start = start_batch();
    }
    if (start) raise_everywhere();
}

} // namespace hv
