// SPDX-License-Identifier: MIT
// What the hypervisor takes from the firmware's ACPI tables (ACPI 6.4 chapter 5). The tables are parsed once at boot,
// every length and checksum checked; whatever is broken is named in the log and left out. AML is dom0's business.
#pragma once

#include "lib/ids.hpp"
#include "lib/types.hpp"

namespace hv {

/// ACPI Generic Address Structure (5.2.3.2).
struct AcpiAddress {
    u8 space = 0xff; ///< 0 memory, 1 I/O port, 2 PCI config; 0xff absent
    u8 bit_width = 0;
    u64 address = 0;
};

struct AcpiCpu {
    u32 apic_id;
    u32 acpi_id;
    u32 node = 0;
    bool enabled;
};
struct AcpiIoApic {
    u8 id;
    u64 address;
    u32 gsi_base;
};
struct AcpiIrqOverride {
    u8 isa_irq;
    u32 gsi;
    bool active_low, level;
};
struct AcpiMcfg {
    u64 address;
    u16 segment;
    u8 first_bus, last_bus;
};
struct AcpiMemoryAffinity {
    u64 start, end; ///< end exclusive
    u32 node;
};

inline constexpr unsigned acpi_max_ioapics = 16, acpi_max_overrides = 16, acpi_max_mcfg = 16, acpi_max_memory = 64,
                          acpi_max_nodes = 64;

struct AcpiInfo {
    bool present = false;
    u64 rsdp = 0;
    AcpiCpu cpus[max_cpus] = {}; ///< MADT order, disabled ones left out
    u32 cpu_count = 0;
    u64 lapic_address = 0xfee00000;
    bool has_8259 = true;
    AcpiIoApic ioapics[acpi_max_ioapics] = {};
    u32 ioapic_count = 0;
    AcpiIrqOverride overrides[acpi_max_overrides] = {};
    u32 override_count = 0;
    // FADT
    u16 sci_irq = 9;
    AcpiAddress pm1a_event, pm1b_event, pm1a_control, pm1b_control, pm_timer, reset_register;
    u8 reset_value = 0;
    bool pm_timer_32bit = false, hw_reduced = false;
    u64 facs = 0;
    // HPET, MCFG
    u64 hpet_address = 0;
    AcpiMcfg mcfg[acpi_max_mcfg] = {};
    u32 mcfg_count = 0;
    // SRAT, SLIT: nodes are dense numbers of proximity domains
    u32 node_count = 1;
    u32 node_domain[acpi_max_nodes] = {};
    AcpiMemoryAffinity memory[acpi_max_memory] = {};
    u32 memory_count = 0;
    bool has_distances = false;
    u8 distance[acpi_max_nodes][acpi_max_nodes] = {};
};
extern AcpiInfo acpi;

/// Returns readable memory for [maddr, maddr + bytes), or nullptr. Valid until the next call.
using AcpiMap = const u8* (*)(u64 maddr, u64 bytes);

/// The parser itself: `rsdp` is a machine address. False: no usable root table.
bool acpi_parse(AcpiInfo& out, u64 rsdp, AcpiMap map);
/// Looks for "RSD PTR " with a good checksum in the EBDA and 0xe0000..0xfffff; 0 when there is none.
u64 acpi_scan_rsdp(AcpiMap map);

/// Fills `acpi`, cpu_apic_ids and cpu_count_present (boot CPU first). Needs the first 4 GiB direct-mapped: call it
/// before mm_init() (which wants the NUMA layout).
void acpi_init();

} // namespace hv
