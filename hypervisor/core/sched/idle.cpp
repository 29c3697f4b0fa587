// SPDX-License-Identifier: MIT
// What a CPU does when nobody wants it: work that was deferred, else sleep until an interrupt.
#include "core/deferred/softirq.hpp"
#include "core/mm/heap.hpp"
#include "core/sched/run.hpp"

namespace hv {

void idle_loop() {
    sched_cpu_idle_entered();
    for (;;) {
        softirq_process(); // leaves for good when it switches to a guest
        if (heap_scrub_some(sched_all_idle() ? ~u64{0} : heap_clean_reserve)) continue;
        irq_disable();
        if (softirq_pending(cpu_id()))
            irq_enable();
        else
            irq_enable_and_halt();
    }
}

} // namespace hv
