// SPDX-License-Identifier: MIT
#include "core/deferred/softirq.hpp"

#include "cpu/cpu_info.hpp"
#include "cpu/irqflags.hpp"
#include "irq/irq.hpp"

namespace hv {

constinit SoftirqPending softirq_pending_bits[max_cpus];

namespace {

SoftirqHandler handlers[static_cast<unsigned>(Softirq::count)];

constexpr u32 bit_of(Softirq nr) { return 1U << static_cast<unsigned>(nr); }

/// Each bit is cleared before its handler runs: Softirq::schedule may leave without returning, and what is still
/// pending then is found by the next exit path.
void run(u32 ignored) {
    HV_ASSERT(irqs_enabled());
    Atomic<u32>& pending = softirq_pending_bits[cpu_id()].bits;
    for (u32 bits; (bits = pending.load(Order::acquire) & ~ignored) != 0;) {
        const auto nr = static_cast<unsigned>(__builtin_ctz(bits));
        pending.fetch_and(~(1U << nr));
        if (handlers[nr]) handlers[nr]();
    }
}

} // namespace

void softirq_register(Softirq nr, SoftirqHandler handler) { handlers[static_cast<unsigned>(nr)] = handler; }

void softirq_raise(Softirq nr) { softirq_pending_bits[cpu_id()].bits.fetch_or(bit_of(nr)); }

void softirq_raise_on(CpuId cpu, Softirq nr) {
    // A CPU that has any bit set will look again before it leaves the hypervisor or halts: no second IPI.
    if (softirq_pending_bits[cpu].bits.fetch_or(bit_of(nr)) == 0 && cpu != cpu_id()) send_ipi(cpu, vector_event_check);
}

void softirq_process() { run(0); }
void softirq_process_no_schedule() { run(bit_of(Softirq::schedule)); }

} // namespace hv
