// SPDX-License-Identifier: MIT
// Work that an interrupt handler leaves for the moment before the CPU returns to a guest (interrupts on, no locks
// held).
#pragma once

#include "lib/atomic.hpp"
#include "lib/ids.hpp"
#include "lib/types.hpp"

namespace hv {

enum class Softirq : u8 { timer, schedule, debug_keys, rcu, tlb_flush, time_calibrate, machine_check, count };

using SoftirqHandler = void (*)();
void softirq_register(Softirq nr, SoftirqHandler handler);
void softirq_raise(Softirq nr);               ///< on this CPU
void softirq_raise_on(CpuId cpu, Softirq nr); ///< sends an IPI when the CPU is another one
void softirq_process();                       ///< runs handlers until none is pending
/// Like softirq_process but never switches the vCPU: for long work at boot.
void softirq_process_no_schedule();

/// Pending bits by CPU, one cache line each (index << 6 in assembly); in the rest of it the architecture keeps what
/// each entry from a guest needs as well.
struct alignas(64) SoftirqPending {
    Atomic<u32> bits;
    u64 arch[2] = {};
};
extern "C" SoftirqPending softirq_pending_bits[max_cpus];
[[nodiscard]] inline bool softirq_pending(CpuId cpu) {
    return softirq_pending_bits[cpu].bits.load(Order::relaxed) != 0;
}

} // namespace hv
