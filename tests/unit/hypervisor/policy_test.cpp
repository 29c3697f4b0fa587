// SPDX-License-Identifier: MIT
// CPU policies, on the CPUID of the machine that runs the test.
#include <catch2/catch.hpp>

#include "cpu/policy.hpp"
#include "cpu/xstate.hpp"

using namespace hv;

namespace hv {
[[gnu::weak]] XstateInfo xstate_info;
}

namespace {

const bool ready = [] {
    cpu_features.vendor = CpuVendor::amd;
    cpu_features.max_leaf = cpuid(0).a;
    cpu_features.max_ext_leaf = cpuid(0x80000000).a;
    xstate_info = {.xsave = true, .mask = 3, .size = 576};
    policy_init();
    return true;
}();

bool subset(const CpuPolicy& part, const CpuPolicy& whole, u32 except_word1 = 0) {
    u32 a[featureset_words], b[featureset_words];
    policy_featureset(part, a);
    policy_featureset(whole, b);
    for (u32 i = 0; i < featureset_words; ++i)
        if (a[i] & ~(b[i] | (i == 1 ? except_word1 : 0))) return false;
    return true;
}

constexpr u32 hypervisor_bit = 1U << 31;

} // namespace

TEST_CASE("guests never get a feature that the host has not", "[policy]") {
    const CpuPolicy& host = policy_of(PolicyKind::host);
    const CpuPolicy& raw = policy_of(PolicyKind::raw);
    CHECK(subset(host, raw));
    CHECK(subset(policy_of(PolicyKind::pv_max), host, hypervisor_bit));
    CHECK(subset(policy_of(PolicyKind::pv_default), policy_of(PolicyKind::pv_max)));
    CHECK(subset(policy_of(PolicyKind::pv_max), policy_of(PolicyKind::hvm_max)));
}

TEST_CASE("PV guests see a hypervisor, no siblings, no APIC id of the machine", "[policy]") {
    const xen_cpuid_leaf_t* leaf = policy_of(PolicyKind::pv_default).find(1);
    REQUIRE(leaf);
    CHECK((leaf->c & hypervisor_bit) != 0);
    CHECK((leaf->d & (1U << 28)) == 0);
    CHECK((leaf->b & 0xffff0000) == 0);
    CHECK((leaf->c & (1U << 5 | 1U << 21 | 1U << 3)) == 0); // VMX, x2APIC, MONITOR
}

TEST_CASE("without AVX state no AVX is offered", "[policy]") {
    u32 words[featureset_words];
    policy_featureset(policy_of(PolicyKind::pv_max), words);
    CHECK((words[1] & (1U << 28)) == 0);
    CHECK((words[5] & (1U << 5 | 1U << 16)) == 0);
    const xen_cpuid_leaf_t* main = policy_of(PolicyKind::pv_max).find(0xd, 0);
    if (main) {
        CHECK(main->a == 3);
        CHECK(main->c == 576);
    }
}

TEST_CASE("only leaves that policies carry can be set", "[policy]") {
    CpuPolicy policy = policy_of(PolicyKind::pv_max);
    const u32 none = XEN_CPUID_NO_SUBLEAF;
    CHECK(policy.set({0x40000001, none, 1, 2, 3, 4}).error() == Errno::range);
    CHECK(policy.set({1, 0, 1, 2, 3, 4}).error() == Errno::range);
    CHECK(policy.set({7, 99, 1, 2, 3, 4}).error() == Errno::range);
    CHECK(policy.set({0x80001000, none, 1, 2, 3, 4}).error() == Errno::range);
    CHECK(policy.set({1, none, 1, 2, 3, 4}).ok());
    CHECK(policy.find(1)->b == 2);
}

TEST_CASE("a policy that asks for too much is cut down", "[policy]") {
    CpuPolicy policy = policy_of(PolicyKind::pv_max);
    REQUIRE(policy.set({1, XEN_CPUID_NO_SUBLEAF, 0, ~0U, ~0U, ~0U}).ok());
    policy.platform_info = ~u64{0};
    policy_restrict(policy, PolicyLimit::pv_max);
    CHECK(subset(policy, policy_of(PolicyKind::pv_max)));
    CHECK(policy.platform_info == policy_of(PolicyKind::host).platform_info);
}

TEST_CASE("a full policy refuses another leaf and stays as it was", "[policy]") {
    CpuPolicy policy;
    u32 added = 0;
    for (u32 i = 0; i < 63 && added < max_policy_leaves; ++i)
        added += policy.set({0xd, i, 1, 1, 1, 1}).ok();
    for (u32 leaf = 0x80000001; leaf <= 0x80000021 && added < max_policy_leaves; ++leaf)
        added += policy.set({leaf, XEN_CPUID_NO_SUBLEAF, 1, 1, 1, 1}).ok();
    CHECK(policy.count == added);
    if (added == max_policy_leaves) {
        CHECK(policy.set({2, XEN_CPUID_NO_SUBLEAF, 1, 1, 1, 1}).error() == Errno::no_spc);
    }
    CHECK(policy.set({0xd, 1, 9, 9, 9, 9}).ok()); // replacing always works
    CHECK(policy.find(0xd, 1)->a == 9);
}
