// SPDX-License-Identifier: MIT
// Debug key r: who runs and who waits, CPU by CPU.
#include "core/debug/keyhandler.hpp"
#include "core/debug/printk.hpp"
#include "core/sched/run.hpp"

namespace hv {

static void dump_unit(const char* what, const Vcpu& vcpu) {
    log_info("  {} d{}v{}: vtime {} weight {} cap {} flags {:x} pauses {} {}", what, vcpu.domain->id, vcpu.id,
             vcpu.sched->vtime, vcpu.sched->group->weight, vcpu.sched->group->cap, vcpu.pause_flags.load(),
             vcpu.pause_count.load(), vcpu.sched->parked ? "parked" : "");
}

static void dump_cpu(CpuId id) {
    CpuSched& cpu = *sched_cpus[id];
    const u64 flags = irq_save();
    if (cpu.lock.try_lock()) { // the key may be pressed because somebody holds it
        const u64 now = now_ns();
        log_info("CPU {}: {} waiting, stint {} us, slice {} us", id, cpu.queue.count(), (now - cpu.stint_start) / 1000,
                 cpu.slice_end > now ? (cpu.slice_end - now) / 1000 : 0);
        if (!cpu.running->is_idle) dump_unit("runs ", *cpu.running);
        cpu.queue.each([](FairUnit& unit) { dump_unit("waits", *static_cast<SchedUnit&>(unit).vcpu); });
        cpu.lock.unlock();
    } else {
        log_info("CPU {}: its queue is locked", id);
    }
    irq_restore(flags);
}

void sched_dump_init() {
    keyhandler_register(
        'r', [](char) { for_each_cpu(online_cpus, dump_cpu); }, "dump run queues");
}

} // namespace hv
