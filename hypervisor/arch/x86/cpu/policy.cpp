// SPDX-License-Identifier: MIT
#include "cpu/policy.hpp"

#include "core/mm/heap.hpp"
#include "cpu/cpuid.hpp"
#include "cpu/xstate.hpp"
#include "lib/string.hpp"

namespace hv {

namespace {

constexpr u32 no_subleaf = XEN_CPUID_NO_SUBLEAF;
constexpr u32 last_basic = 0xd, last_extended = 0x80000021;

/// Where a word of the featureset lives (xen/arch-x86/cpufeatureset.h).
struct FeatureWord {
    u32 leaf, subleaf;
    u32 xen_cpuid_leaf_t::*reg;
    u32 allowed[4]; ///< by PolicyLimit
};
using L = xen_cpuid_leaf_t;
// The masks are the header's A, S and H annotations (upper case: default), without what would need MSRs that we do not
// virtualise: IBRS, IBPB, STIBP, SSBD, ARCH_CAPABILITIES.
constexpr FeatureWord feature_words[] = {
    {1, no_subleaf, &L::d, {0x1fc9cbf5, 0x1fcbfbff, 0x1fc9cbf5, 0x1fcbfbff}},
    {1, no_subleaf, &L::c, {0xf6d83203, 0xf7fa3223, 0xf6d83203, 0xf7fa3203}},
    {0x80000001, no_subleaf, &L::d, {0xea500800, 0xee500800, 0xea500800, 0xee500800}},
    {0x80000001, no_subleaf, &L::c, {0x042109e1, 0x042109f5, 0x042109e1, 0x042109f1}},
    {0xd, 1, &L::a, {0x7, 0xf, 0x7, 0xf}},
    {7, 0, &L::b, {0xfdaf0b39, 0xfdbf4fbb, 0xfdaf0b29, 0xfdbf0fab}},
    {7, 0, &L::c, {0x1a405f43, 0x1a405f4f, 0x02405f43, 0x02405f4f}},
    {0x80000007, no_subleaf, &L::d, {0x100, 0x100, 0, 0}},
    {0x80000008, no_subleaf, &L::b, {0x24000005, 0x2400d005, 0x24000005, 0x24000005}},
    {7, 0, &L::d, {0x0001451c, 0x0001451c, 0x0000441c, 0x0000441c}},
    {7, 1, &L::a, {0x1c30, 0x1c30, 0x1c30, 0x1c30}},
    {0x80000021, no_subleaf, &L::a, {0x64, 0x64, 0x64, 0x64}},
    {7, 1, &L::b, {0, 0, 0, 0}},
    {7, 2, &L::d, {0x21, 0x21, 0x21, 0x21}},
    {7, 1, &L::c, {0, 0, 0, 0}},
    {7, 1, &L::d, {0, 0, 0, 0}},
};
constexpr u32 feature_word_count = sizeof(feature_words) / sizeof(feature_words[0]);
static_assert(feature_word_count <= featureset_words);

constexpr u32 htt = 1U << 28, hypervisor_present = 1U << 31;
constexpr u32 amd_common_edx = 0x0183f3ff; ///< bits of 80000001.edx that repeat 1.edx on AMD (APM vol.3 E.4.2)

constinit CpuPolicy policies[6];

CpuPolicy& slot(PolicyKind kind) { return policies[static_cast<unsigned>(kind)]; }

/// 0: none; else the number of subleaves that a policy may carry.
constexpr u32 subleaves_of(u32 leaf) {
    switch (leaf) {
    case 4: return 6;
    case 7: return 3;
    case 0xb: return 2;
    case 0xd: return 63;
    default: return 0;
    }
}

constexpr bool known_leaf(u32 leaf, u32 subleaf) {
    if (leaf <= last_basic) return subleaves_of(leaf) ? subleaf < subleaves_of(leaf) : subleaf == no_subleaf;
    return leaf >= 0x80000000 && leaf <= last_extended && subleaf == no_subleaf;
}

void take(CpuPolicy& policy, u32 leaf, u32 subleaf = no_subleaf) {
    const CpuidLeaf r = cpuid(leaf, subleaf == no_subleaf ? 0 : subleaf);
    if (r.a | r.b | r.c | r.d) static_cast<void>(policy.set({leaf, subleaf, r.a, r.b, r.c, r.d}));
}

void collect_raw(CpuPolicy& policy) {
    for (u32 leaf = 0; leaf <= min_of(cpu_features.max_leaf, last_basic); ++leaf) {
        const u32 count = leaf == 0xd ? 10 : subleaves_of(leaf);
        if (!count) take(policy, leaf);
        for (u32 i = 0; i < count; ++i) {
            if (leaf == 7 && i > cpuid(7, 0).a) break;
            take(policy, leaf, i);
        }
    }
    for (u32 leaf = 0x80000000; leaf <= min_of(cpu_features.max_ext_leaf, last_extended); ++leaf)
        if (leaf <= 0x80000008 || leaf == 0x80000021) take(policy, leaf);
}

/// What the hypervisor itself uses: without AVX when its state cannot be switched, and so on.
void restrict_to_xstate(CpuPolicy& policy) {
    struct Dependent {
        u64 needs;
        u32 word, bits;
    };
    constexpr Dependent dependents[] = {
        {4, 1, 1U << 28 | 1U << 12 | 1U << 29}, // AVX FMA F16C
        {4, 3, 1U << 11 | 1U << 16},            // XOP FMA4
        {4, 5, 1U << 5},
        {4, 6, 3U << 9},
        {4, 10, 1U << 4}, // AVX2, VAES VPCLMULQDQ, AVX-VNNI
        {0xe4, 5, 0xdc230000},
        {0xe4, 6, 0x5842},
        {0xe4, 9, 0x10c},
        {0xe4, 10, 1U << 5}, // AVX-512
    };
    const u64 mask = xstate_info.xsave ? xstate_info.mask : 0;
    for (const Dependent& d : dependents)
        if ((mask & d.needs) != d.needs)
            if (xen_cpuid_leaf_t* leaf = policy.find(feature_words[d.word].leaf, feature_words[d.word].subleaf))
                leaf->*feature_words[d.word].reg &= ~d.bits;
    if (!xstate_info.xsave)
        if (xen_cpuid_leaf_t* leaf = policy.find(1)) leaf->c &= ~(3U << 26);
}

void restrict_xstate_leaves(CpuPolicy& policy) {
    for (u32 i = 0; i < 63; ++i) {
        xen_cpuid_leaf_t* leaf = policy.find(0xd, i);
        if (!leaf) continue;
        if (!xstate_info.xsave || (i >= 2 && !(xstate_info.mask >> i & 1))) {
            leaf->a = leaf->b = leaf->c = leaf->d = 0;
        } else if (i == 0) {
            leaf->a = static_cast<u32>(xstate_info.mask);
            leaf->b = leaf->c = xstate_info.size;
            leaf->d = static_cast<u32>(xstate_info.mask >> 32);
        } else if (i == 1) {
            leaf->b = leaf->c = leaf->d = 0; // no supervisor states
        }
    }
}

void clear_leaf(CpuPolicy& policy, u32 leaf, u32 subleaf = no_subleaf) {
    if (xen_cpuid_leaf_t* at = policy.find(leaf, subleaf)) at->a = at->b = at->c = at->d = 0;
}

} // namespace

xen_cpuid_leaf_t* CpuPolicy::find(u32 leaf, u32 subleaf) {
    const u32 wanted = subleaves_of(leaf) ? (subleaf == no_subleaf ? 0 : subleaf) : no_subleaf;
    for (u32 i = 0; i < count; ++i)
        if (leaves[i].leaf == leaf && leaves[i].subleaf == wanted) return &leaves[i];
    return nullptr;
}

Status CpuPolicy::set(const xen_cpuid_leaf_t& leaf) {
    if (leaf.leaf == 0x40000000 || leaf.leaf == 0x40000100)
        return {}; // limits of the hypervisor's own leaves: ours do not vary
    if (!known_leaf(leaf.leaf, leaf.subleaf)) return Errno::range;
    if (xen_cpuid_leaf_t* old = find(leaf.leaf, leaf.subleaf)) {
        *old = leaf;
    } else if (leaf.a | leaf.b | leaf.c | leaf.d) {
        if (count == max_policy_leaves) return Errno::no_spc;
        leaves[count++] = leaf;
    }
    if (leaf.leaf == 0)
        max_basic = min_of(leaf.a, last_basic);
    else if (leaf.leaf == 0x80000000)
        max_extended = min_of(leaf.a, last_extended);
    return {};
}

void policy_restrict(CpuPolicy& policy, PolicyLimit limit) {
    const CpuPolicy& host = slot(PolicyKind::host);
    for (const FeatureWord& word : feature_words) {
        xen_cpuid_leaf_t* leaf = policy.find(word.leaf, word.subleaf);
        const xen_cpuid_leaf_t* on_host = host.find(word.leaf, word.subleaf);
        if (leaf) leaf->*word.reg &= (on_host ? on_host->*word.reg : 0) & word.allowed[static_cast<unsigned>(limit)];
    }
    if (xen_cpuid_leaf_t* leaf = policy.find(1)) {
        leaf->b &= 0x0000ff00; // CLFLUSH size; APIC id and count depend on the vCPU
        leaf->c |= hypervisor_present;
        leaf->d &= ~htt;
        xen_cpuid_leaf_t* extended = policy.find(0x80000001);
        if (extended && (cpu_features.vendor == CpuVendor::amd || cpu_features.vendor == CpuVendor::hygon))
            extended->d |= leaf->d & amd_common_edx;
        if (extended) extended->b = 0;
    }
    for (u32 leaf : {3U, 5U, 6U, 8U, 9U, 0xaU, 0xcU})
        clear_leaf(policy, leaf);
    clear_leaf(policy, 0xb, 0);
    clear_leaf(policy, 0xb, 1);
    restrict_xstate_leaves(policy);
    if (xen_cpuid_leaf_t* leaf = policy.find(0x80000007)) leaf->a = leaf->b = leaf->c = 0;
    if (xen_cpuid_leaf_t* leaf = policy.find(0x80000008)) {
        leaf->a &= 0xffff;
        leaf->c = leaf->d = 0; // every vCPU is its own package
    }
    if (xen_cpuid_leaf_t* leaf = policy.find(0x80000021)) leaf->b = leaf->c = leaf->d = 0;
    policy.platform_info &= host.platform_info;
}

void policy_featureset(const CpuPolicy& policy, u32 (&words)[featureset_words]) {
    for (u32 i = 0; i < featureset_words; ++i) {
        const xen_cpuid_leaf_t* leaf =
            i < feature_word_count ? policy.find(feature_words[i].leaf, feature_words[i].subleaf) : nullptr;
        words[i] = leaf ? leaf->*feature_words[i].reg : 0;
    }
    if (cpu_features.vendor == CpuVendor::amd || cpu_features.vendor == CpuVendor::hygon) words[2] &= ~amd_common_edx;
}

void policy_init() {
    CpuPolicy& raw = slot(PolicyKind::raw);
    collect_raw(raw);
    CpuPolicy& host = slot(PolicyKind::host);
    host = raw;
    restrict_to_xstate(host);
    if (cpu_features.cpuid_faulting) host.platform_info = platform_info_cpuid_faulting;
    constexpr PolicyKind kinds[] = {PolicyKind::pv_max, PolicyKind::hvm_max, PolicyKind::pv_default,
                                    PolicyKind::hvm_default};
    for (u32 i = 0; i < 4; ++i) {
        CpuPolicy& policy = slot(kinds[i]);
        policy = host;
        policy_restrict(policy, static_cast<PolicyLimit>(i));
    }
}

const CpuPolicy& policy_of(PolicyKind kind) { return slot(kind); }

Status policy_domain_create(Domain& domain) {
    domain.arch.cpu_policy = make<CpuPolicy>(slot(domain.is_hvm ? PolicyKind::hvm_default : PolicyKind::pv_default));
    return domain.arch.cpu_policy ? Status{} : Status{Errno::no_mem};
}

void policy_domain_destroy(Domain& domain) {
    destroy(domain.arch.cpu_policy);
    domain.arch.cpu_policy = nullptr;
}

void policy_hw_caps(u32 (&caps)[8]) {
    u32 words[featureset_words];
    policy_featureset(slot(PolicyKind::host), words);
    memcpy(caps, words, sizeof(caps));
    // The tools compare raw CPUID: the AMD copies of 1.edx belong to it.
    if (const xen_cpuid_leaf_t* leaf = slot(PolicyKind::host).find(0x80000001)) caps[2] = leaf->d;
}

} // namespace hv
