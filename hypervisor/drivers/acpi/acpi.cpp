// SPDX-License-Identifier: MIT
// The machine's own tables.
#include "drivers/acpi/acpi.hpp"

#include "core/debug/printk.hpp"
#include "core/init/boot_info.hpp"
#include "cpu/cpu_init.hpp"
#include "cpu/cpuid.hpp"
#include "mm/layout.hpp"

namespace hv {

constinit AcpiInfo acpi;

namespace {

const u8* map_early(u64 maddr, u64 bytes) {
    constexpr u64 limit = u64{4} << 30; // what head.S maps
    if (maddr >= limit || bytes > limit - maddr) return nullptr;
    return static_cast<const u8*>(direct_map(maddr));
}

u32 boot_apic_id() {
    if (cpuid(0).a >= 0xb && cpuid(0xb).b != 0) return cpuid(0xb).d;
    return cpuid(1).b >> 24;
}

/// CpuId order: the boot CPU, then the MADT's order.
void number_cpus() {
    const u32 boot = boot_apic_id();
    for (u32 i = 1; i < acpi.cpu_count; ++i)
        if (acpi.cpus[i].apic_id == boot) {
            const AcpiCpu cpu = acpi.cpus[i];
            for (; i > 0; --i)
                acpi.cpus[i] = acpi.cpus[i - 1];
            acpi.cpus[0] = cpu;
        }
    if (acpi.cpu_count == 0 || acpi.cpus[0].apic_id != boot) {
        log_warning("ACPI: the MADT does not list the boot CPU (APIC id {}): using only that one", boot);
        acpi.cpus[0] = {.apic_id = boot, .acpi_id = 0, .enabled = true};
        acpi.cpu_count = 1;
    }
    for (u32 i = 0; i < acpi.cpu_count; ++i)
        cpu_apic_ids[i] = acpi.cpus[i].apic_id;
    cpu_count_present = acpi.cpu_count;
}

} // namespace

void acpi_init() {
    const u64 rsdp = boot_info.rsdp ? boot_info.rsdp : acpi_scan_rsdp(map_early);
    if (!acpi_parse(acpi, rsdp, map_early))
        log_error("ACPI: no usable tables (RSDP {:x}): one CPU, no IO-APIC, no power control", rsdp);
    number_cpus();
    log_info("ACPI: {} CPUs, {} IO-APICs, HPET {:x}, {} MCFG windows, {} NUMA nodes", acpi.cpu_count, acpi.ioapic_count,
             acpi.hpet_address, acpi.mcfg_count, acpi.node_count);
}

} // namespace hv
