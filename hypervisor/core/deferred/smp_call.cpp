// SPDX-License-Identifier: MIT
// Cross-CPU calls. One at a time; never with interrupts off, or two callers would wait for each other.
#include "core/sched/sched.hpp"
#include "irq/irq.hpp"
#include "lib/spinlock.hpp"
#include "platform/power.hpp"

namespace hv {

namespace {

SpinLock call_lock{LockRank::leaf};
struct {
    void (*fn)(void*);
    void* data;
    bool wait;
    Atomic<u32> left;
} call;

} // namespace

void smp_call(const CpuMask& mask, void (*fn)(void*), void* data, bool wait) {
    HV_ASSERT(irqs_enabled());
    CpuMask others = mask & online_cpus;
    const bool here = others.test(cpu_id());
    others.clear(cpu_id());
    if (!others.empty()) {
        const Guard guard(call_lock);
        call.fn = fn;
        call.data = data;
        call.wait = wait;
        call.left.store(others.count());
        send_ipi_mask(others, vector_call);
        while (call.left.load() != 0)
            cpu_relax();
    }
    if (here) {
        const IrqOff off;
        fn(data);
    }
}

/// The call vector's handler.
void smp_call_interrupt() {
    if (cpus_stopping()) cpu_stop_here();
    void (*const fn)(void*) = call.fn;
    void* const data = call.data;
    const bool wait = call.wait;
    if (!wait) call.left.fetch_sub(1);
    fn(data);
    if (wait) call.left.fetch_sub(1);
}

} // namespace hv
