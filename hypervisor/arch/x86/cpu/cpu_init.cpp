// SPDX-License-Identifier: MIT
#include "cpu/cpu_init.hpp"

#include "cpu/cpu_info.hpp"
#include "cpu/cpuid.hpp"
#include "cpu/cr.hpp"
#include "cpu/gdt_tss.hpp"
#include "cpu/msr.hpp"
#include "cpu/xstate.hpp"
#include "traps/mce.hpp"
#include "traps/traps.hpp"

namespace hv {

static CpuInfo* cpu_infos[max_cpus];
u32 cpu_apic_ids[max_cpus];
u32 cpu_count_present = 1;

CpuInfo* cpu_info_of(CpuId cpu) { return cpu < max_cpus ? cpu_infos[cpu] : nullptr; }
void cpu_set_info(CpuId cpu, CpuInfo* info) { cpu_infos[cpu] = info; }

void cpu_init(CpuId cpu) {
    // The ABI's memory types by PTE bits (xen/arch-x86: guests find this PAT in place and may rely on it):
    // WB, WT, UC-, UC, WC, WP, UC, UC.
    constexpr u64 pat = 0x0000050100070406;
    cpu_set_info(cpu, &cpu_info());
    write_cr0(Cr0::pg | Cr0::am | Cr0::wp | Cr0::ne | Cr0::et | Cr0::mp | Cr0::pe);
    wrmsr(Msr::efer, Msr::efer_lme | Msr::efer_lma | Msr::efer_sce | (cpu_features.nx ? Msr::efer_nx : 0));
    wrmsr(Msr::pat, pat);
    write_cr4(hv_cr4 & ~Cr4::mce);
    gdt_tss_init(cpu);
    idt_init();
    syscall_init_cpu();
    xstate_init_cpu();
    mce_init();
    if (cpu_features.rdtscp) wrmsr(Msr::tsc_aux, 0);
}

} // namespace hv
