// SPDX-License-Identifier: MIT
// CPUID: raw leaves and the features that the hypervisor itself acts on, found once on the boot CPU.
#pragma once

#include "lib/types.hpp"

namespace hv {

struct CpuidLeaf {
    u32 a, b, c, d;
};
inline CpuidLeaf cpuid(u32 leaf, u32 subleaf = 0) {
    CpuidLeaf r;
    asm volatile("cpuid" : "=a"(r.a), "=b"(r.b), "=c"(r.c), "=d"(r.d) : "a"(leaf), "c"(subleaf));
    return r;
}

enum class CpuVendor : u8 { unknown, intel, amd, hygon };

/// What the machine offers (and every CPU of it must). Valid after cpu_identify().
struct CpuFeatures {
    CpuVendor vendor;
    char vendor_name[13];
    char model_name[49];
    u32 family, model, stepping;
    u32 max_leaf, max_ext_leaf;
    u8 phys_bits, virt_bits;
    bool nx, page1g, pge, pcid, invpcid, smep, smap, umip, fsgsbase, x2apic, tsc_deadline, invariant_tsc, rdtscp, xsave,
        xsaveopt, syscall32, sysenter, pat, mce, mca, hypervisor, clflush, mtrr, cpuid_faulting;
};
extern CpuFeatures cpu_features;
void cpu_identify();

/// Bits that this hypervisor sets in CR4 on every CPU; guests' CR4 views are derived from it.
extern u64 hv_cr4;

} // namespace hv
