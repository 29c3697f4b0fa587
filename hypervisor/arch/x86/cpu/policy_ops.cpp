// SPDX-License-Identifier: MIT
// CPU policies to and from the toolstack: domctl and sysctl {get,set}_cpu_policy, get_cpu_featureset.
#include "core/hypercall/guest_ptr.hpp"
#include "core/mm/heap.hpp"
#include "cpu/msr.hpp"
#include "cpu/policy.hpp"
#include "lib/string.hpp"

namespace hv {

namespace {

constexpr u32 policy_msrs = 1, max_policy_msrs = 2; ///< tools also write ARCH_CAPABILITIES

/// Calls emit(leaf, subleaf) for everything in the serialised form: also leaves that are empty here, because libxc
/// serialises its own copy into as many entries as it got from us.
template <typename F> void each_serialised_leaf(const CpuPolicy& policy, F&& emit) {
    const xen_cpuid_leaf_t* features = policy.find(7, 0);
    const u32 feature_subleaves = min_of(features ? features->a : 0, 2U) + 1;
    for (u32 leaf = 0; leaf <= policy.max_basic; ++leaf) {
        const u32 count = leaf == 4 ? 6 : leaf == 7 ? feature_subleaves : leaf == 0xb ? 2 : leaf == 0xd ? 63 : 0;
        if (!count) emit(leaf, XEN_CPUID_NO_SUBLEAF);
        for (u32 subleaf = 0; subleaf < count; ++subleaf)
            emit(leaf, subleaf);
    }
    emit(0x40000000, XEN_CPUID_NO_SUBLEAF);
    emit(0x40000100, XEN_CPUID_NO_SUBLEAF);
    for (u32 leaf = 0x80000000; leaf <= max_of(policy.max_extended, 0x80000000); ++leaf)
        emit(leaf, XEN_CPUID_NO_SUBLEAF);
}

Status write_leaves(const CpuPolicy& policy, GuestOut<xen_cpuid_leaf_t> out, u32& room) {
    u32 count = 0;
    Status status{};
    each_serialised_leaf(policy, [&](u32 leaf, u32 subleaf) {
        const xen_cpuid_leaf_t* found = policy.find(leaf, subleaf);
        const xen_cpuid_leaf_t empty{leaf, subleaf, 0, 0, 0, 0};
        if (status.ok())
            status = count < room ? out.offset(count).write(found ? *found : empty) : Status{Errno::no_bufs};
        ++count;
    });
    if (status.ok()) room = count;
    return status;
}

Status serialise(const CpuPolicy& policy, GuestOut<xen_cpuid_leaf_t> leaves, u32& nr_leaves,
                 GuestOut<xen_msr_entry_t> msrs, u32& nr_msrs) {
    if (leaves.null()) {
        nr_leaves = max_policy_leaves;
    } else {
        TRY(write_leaves(policy, leaves, nr_leaves));
    }
    if (msrs.null()) {
        nr_msrs = max_policy_msrs;
    } else {
        if (nr_msrs < policy_msrs) return Errno::no_bufs;
        const xen_msr_entry_t entry = {Msr::platform_info, 0, policy.platform_info};
        TRY(msrs.write(entry));
        nr_msrs = policy_msrs;
    }
    return {};
}

Status merge(CpuPolicy& policy, xen_domctl_cpu_policy& op) {
    const GuestIn<xen_cpuid_leaf_t> leaves(op.leaves);
    for (u32 i = 0; i < op.nr_leaves; ++i) {
        xen_cpuid_leaf_t leaf;
        TRY(leaves.offset(i).read(leaf));
        if (const Status status = policy.set(leaf); !status.ok()) {
            op.err_leaf = leaf.leaf;
            op.err_subleaf = leaf.subleaf;
            return status;
        }
    }
    const GuestIn<xen_msr_entry_t> msrs(op.msrs);
    for (u32 i = 0; i < op.nr_msrs; ++i) {
        xen_msr_entry_t entry;
        TRY(msrs.offset(i).read(entry));
        op.err_msr = entry.idx;
        if (entry.flags) return Errno::inval;
        if (entry.idx == Msr::platform_info && (entry.val & ~platform_info_cpuid_faulting) == 0)
            policy.platform_info = entry.val;
        else if (entry.idx != Msr::arch_caps || entry.val)
            return Errno::range;
    }
    op.err_msr = ~0U;
    return {};
}

} // namespace

Status domctl_get_cpu_policy(Domain& domain, xen_domctl_cpu_policy& op) {
    return serialise(*domain.arch.cpu_policy, GuestOut<xen_cpuid_leaf_t>(op.leaves), op.nr_leaves,
                     GuestOut<xen_msr_entry_t>(op.msrs), op.nr_msrs);
}

Status domctl_set_cpu_policy(Domain& domain, xen_domctl_cpu_policy& op) {
    if (&domain == current().domain || domain.creation_finished) return Errno::exist;
    op.err_leaf = op.err_subleaf = op.err_msr = ~0U;
    if (op.nr_leaves > 4 * max_policy_leaves || op.nr_msrs > 64) return Errno::too_big;
    auto* const merged = make<CpuPolicy>(*domain.arch.cpu_policy);
    if (!merged) return Errno::no_mem;
    const Status status = merge(*merged, op);
    if (status.ok()) {
        policy_restrict(*merged, domain.is_hvm ? PolicyLimit::hvm_max : PolicyLimit::pv_max);
        *domain.arch.cpu_policy = *merged;
    }
    destroy(merged);
    return status;
}

Status sysctl_get_cpu_policy(xen_sysctl_cpu_policy& op) {
    if (op.index > static_cast<u32>(PolicyKind::hvm_default)) return Errno::inval;
    const auto kind = static_cast<PolicyKind>(op.index);
    if (kind == PolicyKind::hvm_max || kind == PolicyKind::hvm_default) return Errno::opnotsupp;
    return serialise(policy_of(kind), GuestOut<xen_cpuid_leaf_t>(op.leaves), op.nr_leaves,
                     GuestOut<xen_msr_entry_t>(op.msrs), op.nr_msrs);
}

Status sysctl_get_cpu_featureset(xen_sysctl_cpu_featureset& op) {
    constexpr PolicyKind kinds[] = {PolicyKind::raw,         PolicyKind::host,   PolicyKind::pv_default,
                                    PolicyKind::hvm_default, PolicyKind::pv_max, PolicyKind::hvm_max};
    if (op.index >= sizeof(kinds) / sizeof(kinds[0])) return Errno::inval;
    const PolicyKind kind = kinds[op.index];
    const GuestOut<u32> out(op.features);
    if (out.null()) {
        op.nr_features = featureset_words;
        return {};
    }
    if (kind == PolicyKind::hvm_max || kind == PolicyKind::hvm_default) return Errno::opnotsupp;
    u32 words[featureset_words];
    policy_featureset(policy_of(kind), words);
    const bool cut = op.nr_features < featureset_words;
    op.nr_features = min_of(op.nr_features, featureset_words);
    TRY(out.write(words, op.nr_features));
    return cut ? Status{Errno::no_spc} : Status{};
}

Status sysctl_get_cpu_levelling_caps(xen_sysctl_cpu_levelling_caps& op) {
    op.caps = cpu_features.cpuid_faulting ? XEN_SYSCTL_CPU_LEVELCAP_faulting : 0;
    return {};
}

} // namespace hv
