// SPDX-License-Identifier: MIT
#include "core/time/timer.hpp"

#include "core/debug/printk.hpp"
#include "core/debug/symbols.hpp"
#include "core/deferred/softirq.hpp"
#include "core/sched/sched.hpp"
#include "lib/percpu.hpp"
#include "lib/spinlock.hpp"

namespace hv {

struct TimerCpu {
    SpinLock lock{LockRank::timer};
    PairingHeap heap;
    Timer* volatile running = nullptr;

    static Timer& timer_of(PairingNode& node) { return reinterpret_cast<Timer&>(node); }
    void arm(Timer& timer, u64 expires);
    void disarm(Timer& timer) {
        if (timer.node_.queued()) heap.remove(timer.node_);
    }
    void run();
    void dump(CpuId cpu);
};

namespace {

constinit PerCpu<TimerCpu> timer_cpus;

/// Holds the lock of the heap that a timer belongs to, interrupts off, however it migrates meanwhile.
class HomeLock : IrqOff {
  public:
    explicit HomeLock(const CpuId& cpu) {
        for (;;) {
            const CpuId seen = read_once(cpu);
            home_ = &timer_cpus.on(seen);
            home_->lock.lock();
            if (read_once(cpu) == seen) return;
            home_->lock.unlock();
        }
    }
    ~HomeLock() { home_->lock.unlock(); }
    TimerCpu* operator->() const { return home_; }

  private:
    TimerCpu* home_;
};

} // namespace

void TimerCpu::arm(Timer& timer, u64 expires) {
    disarm(timer);
    timer.rearm_ = false;
    timer.node_.key = expires;
    heap.insert(timer.node_);
    if (heap.min() != &timer.node_) return;
    if (timer.cpu_ == cpu_id())
        event_timer_program(expires);
    else
        softirq_raise_on(timer.cpu_, Softirq::timer);
}

void TimerCpu::run() {
    u64 flags = irq_save();
    lock.lock();
    const u64 now = now_ns(); // one reading: a callback that re-arms itself in the past cannot starve the rest
    for (PairingNode* node; (node = heap.min()) && node->key <= now;) {
        Timer& timer = timer_of(*node);
        heap.remove(*node);
        const Timer::Callback callback = timer.callback_;
        void* const data = timer.data_;
        timer.ran_on_ = cpu_id();
        running = &timer;
        lock.unlock();
        irq_restore(flags);
        callback(data); // may free the timer
        flags = irq_save();
        lock.lock();
        running = nullptr;
    }
    event_timer_program(heap.empty() ? 0 : heap.min()->key);
    lock.unlock();
    irq_restore(flags);
}

void TimerCpu::dump(CpuId cpu) {
    const IrqGuard guard(lock);
    const u64 now = now_ns();
    heap.each([&](PairingNode& node) {
        const Timer& timer = timer_of(node);
        const Symbol symbol = symbol_lookup(reinterpret_cast<u64>(timer.callback_));
        log_info("CPU{}: in {} us: {}({})", cpu, (static_cast<s64>(node.key) - static_cast<s64>(now)) / 1000,
                 symbol.name ? symbol.name : "?", static_cast<const void*>(timer.data_));
    });
}

void Timer::init(Callback callback, void* data, CpuId cpu) {
    HV_ASSERT(!armed());
    callback_ = callback;
    data_ = data;
    cpu_ = cpu;
    ran_on_ = cpu;
}

void Timer::set(u64 expires_ns) {
    HomeLock home(cpu_);
    home->arm(*this, expires_ns);
}

void Timer::stop() {
    {
        HomeLock home(cpu_);
        rearm_ = false;
        home->disarm(*this);
    }
    const CpuId ran_on = read_once(ran_on_);
    if (ran_on != cpu_id())
        while (timer_cpus.on(ran_on).running == this)
            cpu_relax();
}

void Timer::migrate(CpuId cpu) {
    {
        HomeLock home(cpu_);
        if (cpu == cpu_) return;
        rearm_ = armed() || rearm_;
        home->disarm(*this);
        write_once(cpu_, cpu);
    }
    HomeLock home(cpu_); // never two heaps at once: set() and stop() in between clear rearm_
    if (rearm_) home->arm(*this, node_.key);
}

void timer_init() {
    softirq_register(Softirq::timer, [] { timer_cpus.get().run(); });
}

void timer_dump() {
    log_info("timers at {} ns:", now_ns());
    for_each_cpu(online_cpus, [](CpuId cpu) { timer_cpus.on(cpu).dump(cpu); });
}

} // namespace hv
