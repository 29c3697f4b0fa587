// SPDX-License-Identifier: MIT
// The ACPI tables of a PVH guest: RSDP, XSDT, FADT, MADT, DSDT and, with virtual NUMA nodes, SRAT and
// SLIT (ACPI specification 6.2, chapter 5). They describe a machine of "reduced hardware": processors
// and their local APICs, nothing else. Pure: bytes out, no I/O.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace hospes::xc {

/// A range of guest-physical memory that belongs to a virtual NUMA node.
struct AcpiMemory {
    std::uint64_t start = 0, size = 0; ///< bytes
    std::uint32_t node = 0;
};

struct AcpiMachine {
    unsigned vcpus = 1;
    /// Of virtual NUMA; all three empty without it.
    std::span<const AcpiMemory> memory;
    std::span<const std::uint32_t> vcpu_nodes; ///< node of each vCPU
    std::span<const std::uint8_t> distances;   ///< nodes x nodes, 10 to itself
};

struct AcpiTables {
    std::vector<std::uint8_t> bytes; ///< to be placed at the address given
    std::uint64_t rsdp = 0;          ///< guest-physical address of the RSDP, within
};

/// The local APIC id that Xen gives a vCPU.
constexpr std::uint32_t apic_id(unsigned vcpu) { return vcpu * 2; }

/// Tables for placement at guest-physical `address`, which must be below 4 GiB and 64-byte aligned.
AcpiTables acpi_tables(const AcpiMachine& machine, std::uint64_t address);

} // namespace hospes::xc
