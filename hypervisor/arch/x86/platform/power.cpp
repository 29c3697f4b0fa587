// SPDX-License-Identifier: MIT
#include "platform/power.hpp"

#include "core/debug/console.hpp"
#include "core/debug/panic.hpp"
#include "core/debug/printk.hpp"
#include "core/sched/sched.hpp"
#include "cpu/cr.hpp"
#include "drivers/acpi/acpi.hpp"
#include "drivers/pci/pci.hpp"
#include "irq/desc.hpp"
#include "irq/lapic.hpp"
#include "mm/hv_pagetable.hpp"
#include "time/time.hpp"

namespace hv {

namespace {

Atomic<u32> stopping{0};
Atomic<u32> stopped{0};

constexpr u16 sleep_type_mask = 7 << 10, sleep_enable = 1 << 13; // ACPI 6.4 table 4.13

/// FADT RESET_REG (ACPI 6.4 4.8.3.6): port, memory or a byte of PCI configuration space on bus 0.
void reset_by_acpi() {
    const AcpiAddress& reg = acpi.reset_register;
    if (reg.space == 1 && reg.address != 0 && reg.address <= 0xffff) {
        outb(static_cast<u16>(reg.address), acpi.reset_value);
    } else if (reg.space == 0 && reg.address != 0) {
        if (auto* at = static_cast<volatile u8*>(ioremap(reg.address, 1))) *at = acpi.reset_value;
    } else if (reg.space == 2) {
        const auto devfn = static_cast<u8>((reg.address >> 32 & 31) << 3 | (reg.address >> 16 & 7));
        pci_write({0, 0, devfn}, static_cast<u32>(reg.address & 0xffff), 1, acpi.reset_value);
    }
}

void reset_by_keyboard_controller() {
    for (int tries = 0; tries < 10; ++tries) {
        for (int spins = 0; (inb(0x64) & 2) && spins < 10000; ++spins)
            cpu_relax();
        outb(0x64, 0xfe);
        udelay(50);
    }
}

void reset_by_chipset() {
    outb(0xcf9, 2);
    udelay(50);
    outb(0xcf9, 6);
    udelay(1000);
}

void write_pm1(const AcpiAddress& reg, u16 control, bool enable) {
    if (reg.space != 1 || reg.address == 0 || reg.address > 0xfffe) return;
    const auto port = static_cast<u16>(reg.address);
    const auto rest = static_cast<u16>(inw(port) & ~(sleep_type_mask | sleep_enable));
    outw(port, static_cast<u16>(rest | (control & sleep_type_mask) | (enable ? sleep_enable : 0)));
}

} // namespace

bool cpus_stopping() { return stopping.load(Order::relaxed) != 0; }

void cpu_stop_here() {
    irq_disable();
    stopped.fetch_add(1);
    for (;;)
        asm volatile("hlt");
}

void stop_other_cpus() {
    const u32 others = cpu_count_online() > 1 ? cpu_count_online() - 1 : 0;
    if (stopping.exchange(1) != 0 || others == 0) return;
    CpuMask mask = online_cpus;
    mask.clear(cpu_id());
    send_ipi_mask(mask, vector_call);
    for (int ms = 0; ms < 100 && stopped.load() < others; ++ms)
        udelay(1000);
    if (stopped.load() < others) // some have interrupts off: their NMI handler asks cpus_stopping()
        for_each_cpu(mask, send_nmi);
    for (int ms = 0; ms < 100 && stopped.load() < others; ++ms)
        udelay(1000);
}

void machine_halt() {
    stop_other_cpus();
    irq_disable();
    log_info("Machine halted");
    console_flush(); // nobody drains the queue any more: a dying dom0 has just filled it
    for (;;)
        asm volatile("hlt");
}

void machine_restart(u32 delay_ms) {
    if (delay_ms) log_info("Reboot in {} s", delay_ms / 1000);
    for (u32 ms = 0; ms < delay_ms; ++ms)
        udelay(1000);
    stop_other_cpus();
    irq_disable();
    log_info("Resetting the machine");
    console_flush();
    ioapic_mask_all();
    reset_by_acpi();
    udelay(100'000);
    reset_by_keyboard_controller();
    reset_by_chipset();
    const DescriptorTable none{0, 0}; // no IDT: the trap below cannot be delivered, nor can the faults after it
    load_idt(none);
    asm volatile("int3");
    for (;;)
        asm volatile("hlt");
}

Status machine_power_off(u16 pm1a_control, u16 pm1b_control) {
    if (acpi.pm1a_control.space != 1 || acpi.hw_reduced) return Errno::opnotsupp;
    log_info("Powering off");
    console_flush();
    const IrqOff off;
    for (const bool enable : {false, true}) {
        write_pm1(acpi.pm1a_control, pm1a_control, enable);
        write_pm1(acpi.pm1b_control, pm1b_control, enable);
    }
    udelay(1'000'000);
    return Errno::io;
}

void hardware_domain_shutdown(u32 reason) {
    switch (reason) {
    case SHUTDOWN_poweroff: log_info("dom0 asks for power off, without ACPI: halting"); machine_halt();
    case SHUTDOWN_crash:
        log_error("dom0 crashed: {}", reboot_wanted() ? "rebooting the machine in 5 seconds" : "halting ('noreboot')");
        if (!reboot_wanted()) machine_halt();
        machine_restart(5000);
    default: // asked for, not a failure: 'noreboot' has no say
        log_info("dom0 shut down with reason {}: rebooting", reason);
        machine_restart();
    }
}

} // namespace hv
