// SPDX-License-Identifier: MIT
#include "xc/cpu_policy.hpp"

#include <algorithm>
#include <catch2/catch.hpp>

#include "fake_transport.hpp"

using namespace hospes::xc;

namespace {

constexpr std::uint32_t none = XEN_CPUID_NO_SUBLEAF;
using Leaves = std::vector<xen_cpuid_leaf_t>;

xen_cpuid_leaf_t leaf(const Leaves& leaves, std::uint32_t number, std::uint32_t subleaf = none) {
    for (const auto& l : leaves)
        if (l.leaf == number && l.subleaf == subleaf) return l;
    FAIL("leaf " << number << " is missing");
    return {};
}

Leaves amd() {
    return {{1, none, 0, 0x00040800, 0, 0x178bfbff},
            {0x80000001, none, 0, 0, 0x000001f3, 0},
            {0x80000008, none, 0x3030, 0, 0x3003, 0}};
}

} // namespace

TEST_CASE("an HVM guest's topology fits APIC ids that are twice the vCPU's number") {
    Leaves leaves = amd();
    adjust_cpu_policy(leaves, {}, true, {});
    CHECK((leaf(leaves, 1).d >> 28 & 1) == 1);
    CHECK((leaf(leaves, 1).b >> 16 & 0xff) == 8);
    CHECK((leaf(leaves, 1).b & 0xffff) == 0x0800);
    CHECK((leaf(leaves, 0x80000001).c & 2) == 0);
    CHECK(leaf(leaves, 0x80000008).c == 0x4007);

    Leaves intel{{1, none, 0, 0x00ff0800, 0, 0},
                 {4, 0, 1 << 26 | 1 << 14 | 1, 0, 0, 0},
                 {4, 1, 0, 0, 0, 0},
                 {4, 2, 0x3fU << 26 | 0xfffU << 14 | 2, 0, 0, 0}};
    adjust_cpu_policy(intel, {}, true, {});
    CHECK((leaf(intel, 1).b >> 16 & 0xff) == 0xff); // cannot be doubled
    CHECK(leaf(intel, 4, 0).a == (3U << 26 | 3 << 14 | 1));
    CHECK(leaf(intel, 4, 1).a == 0); // no cache
    CHECK(leaf(intel, 4, 2).a == (0x3fU << 26 | 0xfffU << 14 | 2));
}

TEST_CASE("a PV guest is shown the host's threading") {
    Leaves leaves = amd(), host = amd();
    host[0].d &= ~(1U << 28);
    leaves[0].d |= 1U << 28;
    host[1].c |= 2;
    leaves[1].c &= ~2U;
    adjust_cpu_policy(leaves, host, false, {});
    CHECK((leaf(leaves, 1).d >> 28 & 1) == 0);
    CHECK((leaf(leaves, 0x80000001).c >> 1 & 1) == 1);
    CHECK(leaf(leaves, 0x80000008).c == 0x3003);
}

TEST_CASE("rules set and clear bits, and add leaves only to set something") {
    Leaves leaves = amd();
    CpuidRule off, on, absent;
    off.leaf = 1;
    off.clear[3] = 0xff;
    on.leaf = 7;
    on.subleaf = 0;
    on.set[1] = 0x20;
    absent.leaf = 9;
    absent.clear[0] = 1;
    const CpuidRule rules[] = {off, on, absent};
    adjust_cpu_policy(leaves, {}, false, rules);
    CHECK(leaf(leaves, 1).d == 0x178bfb00);
    CHECK(leaf(leaves, 7, 0).b == 0x20);
    CHECK(leaves.size() == 4);
}

TEST_CASE("a rule can ask for what the host has, and for all subleaves") {
    Leaves leaves{{7, 0, 0, 1, 0, 0}, {7, 1, 0, 2, 0, 0}};
    const Leaves host{{7, 0, 0, 0xf0, 0, 0}};
    CpuidRule rule;
    rule.leaf = 7;
    rule.host[1] = 0x3f;
    rule.set[0] = 8;
    adjust_cpu_policy(leaves, host, true, {&rule, 1});
    CHECK(leaf(leaves, 7, 0).b == 0x30);
    CHECK(leaf(leaves, 7, 1).b == 0);
    CHECK(leaf(leaves, 7, 1).a == 8);
}

TEST_CASE("the policy starts from the default of the domain's type") {
    FakeTransport fake;
    fake.policies[XEN_SYSCTL_cpu_policy_hvm_default].first[1].a = 0x1111;
    fake.policies[XEN_SYSCTL_cpu_policy_pv_default].first[1].a = 0x2222;
    Control control(fake);
    xen_domctl_createdomain request{};
    request.max_vcpus = 1;
    REQUIRE(control.create(1, request));
    REQUIRE(apply_cpu_policy(control, 1, true));
    CHECK(leaf(fake.domains()[1].leaves, 1).a == 0x1111);
    REQUIRE(apply_cpu_policy(control, 1, false));
    CHECK(leaf(fake.domains()[1].leaves, 1).a == 0x2222);
    CHECK(fake.domains()[1].msrs.size() == 1);
    CHECK(fake.held() == 0);
}
