// SPDX-License-Identifier: MIT
// Application processors: INIT, STARTUP, STARTUP (SDM vol.3 9.4.4), one at a time through the code below 1 MiB.
#include "boot/image.hpp"
#include "core/debug/printk.hpp"
#include "core/init/cmdline.hpp"
#include "core/mm/heap.hpp"
#include "core/sched/sched.hpp"
#include "cpu/cpu_init.hpp"
#include "cpu/gdt_tss.hpp"
#include "irq/irq.hpp"
#include "irq/lapic.hpp"
#include "lib/string.hpp"
#include "mm/hv_pagetable.hpp"
#include "time/time.hpp"

namespace hv {

extern "C" {
extern const u8 ap_trampoline_start[], ap_trampoline_end[];
extern u64 ap_stack_top, ap_cr3;
[[noreturn]] void ap_main();
}

static constinit NumberOption maxcpus("maxcpus", max_cpus);
HV_OPTION(maxcpus);

static Atomic<bool> ap_answered{false};

void ap_main() {
    const CpuId cpu = cpu_info().cpu;
    cpu_init(cpu);
    lapic_init_cpu();
    ap_answered.store(true);
    time_init_cpu();
    online_cpus.set(cpu);
    irq_enable();
    idle_loop();
}

/// Stack with CpuInfo, descriptor page, idle vCPU. False: out of memory.
static bool prepare(CpuId cpu) {
    u8* stack = static_cast<u8*>(alloc_pages(stack_order));
    void* gdt = alloc_pages();
    if (!stack || !gdt || !sched_cpu_up(cpu).ok()) {
        if (stack) free_pages(stack, stack_order);
        if (gdt) free_pages(gdt);
        return false;
    }
    auto* info = reinterpret_cast<CpuInfo*>(stack + stack_size) - 1;
    info->cpu = cpu;
    info->current = &idle_vcpu(cpu);
    cpu_set_info(cpu, info);
    gdt_set_page(cpu, gdt, mfn_of_virt(gdt));
    ap_stack_top = align_down(reinterpret_cast<u64>(info), 16);
    ap_cr3 = idle_cr3();
    return true;
}

static bool wait_for(const auto& condition, u64 milliseconds) {
    for (u64 i = 0; i < milliseconds * 10; ++i) {
        if (condition()) return true;
        udelay(100);
    }
    return condition();
}

static bool start(CpuId cpu) {
    ap_answered.store(false);
    const u32 apic_id = cpu_apic_ids[cpu];
    constexpr u8 page = trampoline_maddr >> page_shift;
    const auto answered = [] { return ap_answered.load(); };
    lapic_send_init(apic_id);
    udelay(10000);
    lapic_send_startup(apic_id, page);
    if (!wait_for(answered, 10)) lapic_send_startup(apic_id, page);
    return wait_for(answered, 1000) && wait_for([cpu] { return online_cpus.test(cpu); }, 5000);
}

void smp_boot() {
    const u32 wanted =
        static_cast<u32>(min_of<u64>(min_of<u64>(cpu_count_present, max_cpus), max_of<u64>(maxcpus.value, 1)));
    memcpy(direct_map(trampoline_maddr), ap_trampoline_start,
           static_cast<usize>(ap_trampoline_end - ap_trampoline_start));
    for (CpuId cpu = 1; cpu < wanted; ++cpu) {
        if (!prepare(cpu)) {
            log_error("CPU{}: not enough memory to start it", cpu);
            break;
        }
        if (!start(cpu)) {
            // Its stack stays reserved: it may still come up late.
            log_error("CPU{} (APIC {}) does not answer", cpu, cpu_apic_ids[cpu]);
            break;
        }
    }
    log_info("Brought up {} CPUs", cpu_count_online());
}

} // namespace hv
