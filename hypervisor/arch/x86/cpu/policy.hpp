// SPDX-License-Identifier: MIT
// CPUID and MSR policy: what a domain is told about the CPU. One canonical list of leaves for the machine (raw), for
// what the hypervisor uses (host) and for the most a PV guest may see; a domain's own policy starts from the latter.
// Serialised form: xen/arch-x86/xen.h xen_cpuid_leaf_t, xen_msr_entry_t.
#pragma once

#include "abi/xen.hpp"
#include "core/domain/domain.hpp"
#include "cpu/cpuid.hpp"

namespace hv {

/// Xen 4.17's own maximum is 120: tools serialise that many (empty ones included) into a buffer of the size we tell.
inline constexpr u32 max_policy_leaves = 128;
inline constexpr u32 featureset_words = 18;

inline constexpr u64 platform_info_cpuid_faulting = u64{1} << 31;

struct CpuPolicy {
    u32 count = 0;
    u32 max_basic = 0, max_extended = 0;
    u64 platform_info = 0; ///< MSR 0xce: bit 31 = CPUID faulting offered
    xen_cpuid_leaf_t leaves[max_policy_leaves] = {};

    /// nullptr when it has none; `subleaf` is ignored for leaves without.
    [[nodiscard]] xen_cpuid_leaf_t* find(u32 leaf, u32 subleaf = XEN_CPUID_NO_SUBLEAF);
    [[nodiscard]] const xen_cpuid_leaf_t* find(u32 leaf, u32 subleaf = XEN_CPUID_NO_SUBLEAF) const {
        return const_cast<CpuPolicy*>(this)->find(leaf, subleaf);
    }
    /// Replaces or adds. -ERANGE: not a leaf that policies carry, -ENOSPC.
    Status set(const xen_cpuid_leaf_t& leaf);
};
/// Cuts a policy down to what `limit` allows a guest of that kind.
enum class PolicyLimit : u8 { pv_max, hvm_max, pv_default, hvm_default };
void policy_restrict(CpuPolicy& policy, PolicyLimit limit);
void policy_featureset(const CpuPolicy& policy, u32 (&words)[featureset_words]);

enum class PolicyKind : u8 { raw, host, pv_max, hvm_max, pv_default, hvm_default };
void policy_init(); ///< boot CPU, after cpu_identify() and xstate_init()
const CpuPolicy& policy_of(PolicyKind kind);
Status policy_domain_create(Domain& domain); ///< gives it a copy of its default
void policy_domain_destroy(Domain& domain);

/// CPUID as this vCPU sees it, 0x40000000 leaves included.
CpuidLeaf guest_cpuid(const Vcpu& vcpu, u32 leaf, u32 subleaf);
/// RDMSR / WRMSR by the current PV guest. Error: #GP.
Result<u64> guest_rdmsr(Vcpu& vcpu, u32 msr);
Status guest_wrmsr(Vcpu& vcpu, u32 msr, u64 value);

// Bodies of control operations; the caller has checked permission and holds the domain.
Status domctl_get_cpu_policy(Domain& domain, xen_domctl_cpu_policy& op);
Status domctl_set_cpu_policy(Domain& domain, xen_domctl_cpu_policy& op);
Status sysctl_get_cpu_policy(xen_sysctl_cpu_policy& op);
Status sysctl_get_cpu_featureset(xen_sysctl_cpu_featureset& op);
Status sysctl_get_cpu_levelling_caps(xen_sysctl_cpu_levelling_caps& op);
/// physinfo's hw_cap: CPUID 1.edx, 1.ecx, 80000001.edx, 80000001.ecx, D:1.eax, 7.ebx, 7.ecx, 80000007.edx.
void policy_hw_caps(u32 (&caps)[8]);

} // namespace hv
