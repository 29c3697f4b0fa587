// SPDX-License-Identifier: MIT
#include "xc/cpu_policy.hpp"

#include <algorithm>

namespace hospes::xc {
namespace {

using Leaf = xen_cpuid_leaf_t;

Leaf* find(std::span<Leaf> leaves, std::uint32_t leaf, std::uint32_t subleaf = XEN_CPUID_NO_SUBLEAF) {
    const auto found = std::find_if(leaves.begin(), leaves.end(),
                                    [=](const Leaf& l) { return l.leaf == leaf && l.subleaf == subleaf; });
    return found == leaves.end() ? nullptr : &*found;
}

void copy_bits(std::uint32_t& to, std::uint32_t from, std::uint32_t mask) { to = (to & ~mask) | (from & mask); }

constexpr std::uint32_t htt = 1U << 28;       // leaf 1, EDX
constexpr std::uint32_t cmp_legacy = 1U << 1; // leaf 0x80000001, ECX

/// A PV guest on a processor that cannot intercept CPUID sees the real topology in any case; the flags
/// that go with it must then agree.
void show_host_topology(std::span<Leaf> leaves, std::span<const Leaf> host) {
    for (const Leaf& real : host) {
        Leaf* const own = find(leaves, real.leaf, real.subleaf);
        if (!own) continue;
        if (real.leaf == 1) copy_bits(own->d, real.d, htt);
        if (real.leaf == 0x80000001) copy_bits(own->c, real.c, cmp_legacy);
    }
}

/// Xen gives vCPU n the APIC id 2n. A guest divides ids by the counts that CPUID states, so every count is
/// doubled: it finds vCPUs that are cores of their own, never two threads of one.
void show_even_apic_ids(std::span<Leaf> leaves) {
    if (Leaf* const one = find(leaves, 1)) {
        one->d |= htt;
        const std::uint32_t logical = one->b >> 16 & 0xff;
        if (!(logical & 0x80)) copy_bits(one->b, logical << 17, 0xff << 16);
    }
    if (Leaf* const extended = find(leaves, 0x80000001)) extended->c &= ~cmp_legacy;
    for (Leaf& leaf : leaves)
        if (leaf.leaf == 4 && (leaf.a & 0x1f)) { // Intel: cores of the package, threads of the cache, less one
            const std::uint32_t cores = leaf.a >> 26, threads = leaf.a >> 14 & 0xfff;
            copy_bits(leaf.a, std::min(cores << 1 | 1, 0x3fU) << 26, 0x3fU << 26);
            copy_bits(leaf.a, std::min(threads << 1 | 1, 0xfffU) << 14, 0xfffU << 14);
        }
    if (Leaf* const sizes = find(leaves, 0x80000008)) { // AMD: threads of the package, less one; bits of their ids
        const std::uint32_t cores = sizes->c & 0xff, bits = sizes->c >> 12 & 0xf;
        if (cores < 0x7f) {
            if (bits && bits < 0xf) copy_bits(sizes->c, (bits + 1) << 12, 0xf << 12);
            copy_bits(sizes->c, cores << 1 | 1, 0xff);
        }
    }
}

void apply(const CpuidRule& rule, std::span<const Leaf> host, Leaf& leaf) {
    const auto real = std::find_if(host.begin(), host.end(),
                                   [&leaf](const Leaf& l) { return l.leaf == leaf.leaf && l.subleaf == leaf.subleaf; });
    const std::array<std::uint32_t, 4> own =
        real == host.end() ? std::array<std::uint32_t, 4>{} : std::array{real->a, real->b, real->c, real->d};
    std::uint32_t* const registers[] = {&leaf.a, &leaf.b, &leaf.c, &leaf.d};
    for (std::size_t i = 0; i < 4; ++i) {
        copy_bits(*registers[i], own[i], rule.host[i]);
        *registers[i] = (*registers[i] & ~rule.clear[i]) | rule.set[i];
    }
}

} // namespace

void adjust_cpu_policy(std::vector<Leaf>& leaves, std::span<const Leaf> host, bool hvm,
                       std::span<const CpuidRule> rules) {
    if (hvm)
        show_even_apic_ids(leaves);
    else
        show_host_topology(leaves, host);
    for (const CpuidRule& rule : rules) {
        bool found = false;
        for (Leaf& leaf : leaves)
            if (leaf.leaf == rule.leaf && (rule.subleaf == XEN_CPUID_NO_SUBLEAF || leaf.subleaf == rule.subleaf)) {
                apply(rule, host, leaf);
                found = true;
            }
        if (found || rule.set == std::array<std::uint32_t, 4>{}) continue; // or nothing there to be cleared
        leaves.push_back({rule.leaf, rule.subleaf, 0, 0, 0, 0});
        apply(rule, host, leaves.back());
    }
}

Status apply_cpu_policy(Control& control, DomId domain, bool hvm, std::span<const CpuidRule> rules) {
    std::vector<Leaf> leaves, host;
    std::vector<xen_msr_entry_t> msrs, host_msrs;
    HOSPES_TRY(control.get_system_cpu_policy(hvm ? XEN_SYSCTL_cpu_policy_hvm_default : XEN_SYSCTL_cpu_policy_pv_default,
                                             leaves, msrs));
    HOSPES_TRY(control.get_system_cpu_policy(XEN_SYSCTL_cpu_policy_host, host, host_msrs));
    adjust_cpu_policy(leaves, host, hvm, rules);
    return control.set_cpu_policy(domain, leaves, msrs);
}

} // namespace hospes::xc
