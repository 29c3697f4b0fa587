// SPDX-License-Identifier: MIT
// CPUID as a guest sees it: its domain's policy, what depends on the vCPU, and the hypervisor's own leaves
// (xen/arch-x86/cpuid.h).
#include "cpu/cr.hpp"
#include "cpu/policy.hpp"
#include "cpu/xstate.hpp"
#include "time/time.hpp"

namespace hv {

namespace {

CpuidLeaf time_leaf(const Vcpu& vcpu, u32 subleaf) {
    const ArchDomain& arch = vcpu.domain->arch;
    const u32 khz = arch.tsc_khz ? arch.tsc_khz : cpu_khz();
    switch (subleaf) {
    case 0:
        return {(arch.tsc_mode == 1 ? 1U : 0U) | (tsc_is_stable() ? 2U : 0U) | (cpu_features.rdtscp ? 4U : 0U),
                arch.tsc_mode, khz, arch.tsc_incarnation};
    case 1: {
        const TscScale scale = TscScale::from_frequency(u64{khz} * 1000);
        return {0, 0, scale.mul_frac, static_cast<u32>(scale.shift)};
    }
    case 2: return {cpu_khz(), 0, 0, 0};
    default: return {};
    }
}

CpuidLeaf hypervisor_leaf(const Vcpu& vcpu, u32 index, u32 subleaf) {
    switch (index) {
    case 0:
        return {XEN_CPUID_LEAF(XEN_CPUID_MAX_NUM_LEAVES), XEN_CPUID_SIGNATURE_EBX, XEN_CPUID_SIGNATURE_ECX,
                XEN_CPUID_SIGNATURE_EDX};
    case 1: return {4U << 16 | 17, 0, 0, 0};
    case 2: return {1, 0x40000000, XEN_CPUID_FEAT1_MMU_PT_UPDATE_PRESERVE_AD, 0};
    case 3: return time_leaf(vcpu, subleaf);
    case 5: return subleaf == 0 ? CpuidLeaf{0, cpu_features.phys_bits, 0, 0} : CpuidLeaf{};
    default: return {};
    }
}

} // namespace

CpuidLeaf guest_cpuid(const Vcpu& vcpu, u32 leaf, u32 subleaf) {
    if (leaf >= 0x40000000 && leaf <= 0x400000ff)
        return leaf - 0x40000000 <= XEN_CPUID_MAX_NUM_LEAVES ? hypervisor_leaf(vcpu, leaf - 0x40000000, subleaf)
                                                             : CpuidLeaf{};
    const CpuPolicy& policy = *vcpu.domain->arch.cpu_policy;
    const u32 last = leaf < 0x80000000 ? policy.max_basic : policy.max_extended;
    const xen_cpuid_leaf_t* found = leaf <= last ? policy.find(leaf, subleaf) : nullptr;
    if (!found) return {};
    CpuidLeaf out{found->a, found->b, found->c, found->d};
    if (leaf == 1) {
        out.b = (out.b & 0x00ffffff) | (vcpu.id * 2) << 24;
        constexpr u32 osxsave = 1U << 27;
        out.c &= ~osxsave;
        if (hv_cr4 & Cr4::osxsave && out.c & 1U << 26) out.c |= osxsave;
    } else if (leaf == 0xd && xstate_info.xsave && (subleaf == 0 || (subleaf == 1 && out.a & 2))) {
        // EBX: bytes for what XCR0 enables now, compacted in subleaf 1 (XSAVEC); the real CPU computes it from the live
        // XCR0. Linux gives up XSAVE, on one vCPU only, when it reads 0.
        out.b = cpuid(0xd, subleaf).b;
    }
    return out;
}

} // namespace hv
