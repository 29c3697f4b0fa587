// SPDX-License-Identifier: MIT
// Bringing up one CPU, and all of them.
#pragma once

#include "lib/ids.hpp"
#include "lib/result.hpp"

namespace hv {

struct CpuInfo;

/// Control registers, MSRs, GDT/TSS, IDT of the CPU it runs on.
void cpu_init(CpuId cpu);
/// The CPU's CpuInfo at the top of its stack; nullptr for a CPU that never came up.
CpuInfo* cpu_info_of(CpuId cpu);
void cpu_set_info(CpuId cpu, CpuInfo* info);
/// Starts the APs that the MADT lists (INIT/SIPI), each until it idles. Returns when all answered or timed out.
void smp_boot();
/// Physical address of the real-mode start-up code is fixed below 1 MiB; reserved from the heap.
inline constexpr u64 trampoline_maddr = 0x8000, trampoline_bytes = 0x2000;
/// MADT's list, filled by acpi_init(): APIC ids in order; index is the CpuId (boot CPU first).
extern u32 cpu_apic_ids[max_cpus];
extern u32 cpu_count_present;

} // namespace hv
