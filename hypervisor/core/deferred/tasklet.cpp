// SPDX-License-Identifier: MIT
#include "core/deferred/tasklet.hpp"

#include "core/deferred/softirq.hpp"
#include "core/sched/sched.hpp"
#include "lib/percpu.hpp"
#include "lib/spinlock.hpp"

namespace hv {

struct TaskletQueue {
    List<Tasklet, &Tasklet::node_> waiting;
    Tasklet* volatile running = nullptr;

    void add(Tasklet& tasklet, CpuId cpu) {
        tasklet.queued_ = true;
        tasklet.cpu_ = cpu;
        waiting.push_back(tasklet);
    }
    void run();
    static void run_here();
};

namespace {

SpinLock tasklet_lock{LockRank::softirq}; // one lock: tasklets are rare
constinit PerCpu<TaskletQueue> queues;

} // namespace

void TaskletQueue::run() {
    for (;;) {
        IrqGuard guard(tasklet_lock);
        running = nullptr;
        Tasklet* next = waiting.pop_front();
        if (!next) return;
        next->queued_ = false;
        running = next;
        const Tasklet::Callback callback = next->callback_;
        void* const data = next->data_;
        guard.unlock();
        callback(data);
    }
}

void TaskletQueue::run_here() { queues.get().run(); }

void Tasklet::schedule() { schedule_on(cpu_id()); }

void Tasklet::schedule_on(CpuId cpu) {
    {
        const IrqGuard guard(tasklet_lock);
        if (queued_) return;
        queues.on(cpu).add(*this, cpu);
    }
    softirq_raise_on(cpu, Softirq::tasklet);
}

void Tasklet::kill() {
    {
        const IrqGuard guard(tasklet_lock);
        if (queued_) List<Tasklet, &Tasklet::node_>::remove(*this);
        queued_ = false;
    }
    for_each_cpu(online_cpus, [this](CpuId cpu) {
        while (queues.on(cpu).running == this && cpu != cpu_id())
            cpu_relax();
    });
}

void grace_init();

void deferred_init() {
    softirq_register(Softirq::tasklet, TaskletQueue::run_here);
    grace_init();
}

} // namespace hv
