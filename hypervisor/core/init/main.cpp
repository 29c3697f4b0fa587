// SPDX-License-Identifier: MIT
// The boot CPU's way from head.S to the idle loop.
#include "boot/image.hpp"
#include "boot/multiboot.hpp"
#include "core/debug/console.hpp"
#include "core/debug/keyhandler.hpp"
#include "core/debug/panic.hpp"
#include "core/debug/printk.hpp"
#include "core/deferred/grace.hpp"
#include "core/init/cmdline.hpp"
#include "core/init/dom0.hpp"
#include "core/mm/heap.hpp"
#include "core/sched/sched.hpp"
#include "core/time/timer.hpp"
#include "cpu/cpu_init.hpp"
#include "cpu/cpuid.hpp"
#include "cpu/gdt_tss.hpp"
#include "cpu/policy.hpp"
#include "cpu/xstate.hpp"
#include "drivers/acpi/acpi.hpp"
#include "drivers/pci/pci.hpp"
#include "irq/irq.hpp"
#include "mm/init.hpp"
#include "time/time.hpp"
#include "traps/traps.hpp"

namespace hv {

BootInfo boot_info;

extern "C" {
using Constructor = void (*)();
extern const Constructor init_array_start[], init_array_end[];
[[noreturn]] void hv_main(u32 magic, u64 info);
}

namespace {

BootText boot_text;

void read_boot_info(u32 magic, u64 info) {
    const BootMemory memory{static_cast<const u8*>(direct_map(0)), u64{4} << 30};
    const char* bad = multiboot_parse(magic, info, memory, boot_text, boot_info);
    cmdline_init(bad ? "" : boot_info.cmdline);
    console_init();
    log_info("Hospes {} (Xen ABI 4.17) {}{}", HOSPES_VERSION_STRING, __VERSION__,
#ifdef HV_DEBUG
             ", debug"
#else
             ""
#endif
    );
    if (bad) boot_failed(bad);
    if (boot_text.has_rsdp) boot_info.rsdp = image_maddr(boot_text.rsdp);
    boot_info.has_console_vga = !boot_info.efi;
    log_info("Command line: {}", boot_info.cmdline);
    log_info("Boot loader: {}{}", boot_info.loader_name, boot_info.efi ? " (EFI)" : "");
}

void check_boot_info() {
    u64 ram = 0;
    for (u32 i = 0; i < boot_info.memory_count; ++i) {
        const E820Entry& e = boot_info.memory[i];
        log_info(" [{:016x}, {:016x}] type {}", e.address, e.address + e.size - 1, e.type);
        ram += e.type == 1 ? e.size : 0;
    }
    if (ram < 96 << 20) boot_failed("the machine has less than 96 MiB of memory");
    if (!e820_is_ram(boot_info.memory, boot_info.memory_count, image_load_maddr, image_end_maddr() - image_load_maddr))
        boot_failed("the hypervisor was loaded where the memory map shows no memory");
    for (u32 i = 0; i < boot_info.module_count; ++i) {
        const BootModule& m = boot_info.modules[i];
        log_info("Module {}: {:x}, {} KiB, '{}'", i, m.start, m.size >> 10, m.cmdline);
        if (m.start < image_end_maddr() && m.start + m.size > image_load_maddr)
            boot_failed("a module overlaps the hypervisor");
    }
    if (!boot_info.module_count) boot_failed("no dom0 kernel: the boot loader passed no module");
}

void init_machine() {
    acpi_init();
    mm_init();
    console_init_ring();
    grace_init();
    timer_init();
    domain_init();
    sched_init();
    policy_init();
    pci_init();
    irq_init();
    lapic_init_boot_cpu();
    time_init();
    irq_enable();
    smp_boot();
    keyhandler_init();
    console_init_input();
}

} // namespace

void hv_main(u32 magic, u64 info) {
    for (const Constructor* c = init_array_start; c != init_array_end; ++c)
        (*c)();
    gdt_tss_init(0);
    idt_init();
    read_boot_info(magic, info);
    check_boot_info();
    cpu_identify();
    xstate_init();
    cpu_init(0);
    init_machine();
    dom0_build();
    idle_loop();
}

} // namespace hv
