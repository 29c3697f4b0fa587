// SPDX-License-Identifier: MIT
// CPU lists, CPUID policies and defaults.
#include <catch2/catch.hpp>

#include "libxl/domain/cpuid_rules.hpp"
#include "libxl/types/cpu_list.hpp"
#include "libxl/types/cpuid_policy.hpp"
#include "libxl/types/defaults.hpp"

using namespace hospes;
using namespace hospes::xl;

namespace {

using Numbers = std::vector<unsigned>;
const CpuTopology two_nodes{0, 0, 1, 1};

Numbers cpus(std::string_view text) {
    const auto list = parse_cpu_list(text, two_nodes);
    return list ? list->members() : Numbers{};
}
std::string cpu_problem(std::string_view text, const CpuTopology& topology = two_nodes) {
    const auto list = parse_cpu_list(text, topology);
    return list ? "" : list.problem().text();
}

} // namespace

TEST_CASE("CPU lists") {
    CHECK(cpus("0-3,^1") == Numbers{0, 2, 3});
    CHECK(cpus("all") == Numbers{0, 1, 2, 3});
    CHECK(cpus("all,^1-2") == Numbers{0, 3});
    CHECK(cpus("nodes:0-1,^node:0") == Numbers{2, 3});
    CHECK(cpus("0, node:1 ,^ 3") == Numbers{0, 2});
    CHECK(cpus("7") == Numbers{7}); // the host may get it later
    CHECK(parse_cpu_list("all", {})->count() == cpu_limit);
    CHECK(cpu_problem("^all") == "^ and all do not go together");
    CHECK(cpu_problem("1,^1").find("names no CPU") != std::string::npos);
    CHECK_FALSE(cpu_problem("").empty());
    CHECK_FALSE(cpu_problem("3-1").empty());
    CHECK_FALSE(cpu_problem("0x1").empty());
    CHECK_FALSE(cpu_problem("-1").empty());
    CHECK_FALSE(cpu_problem("4096").empty());
    CHECK_FALSE(cpu_problem("node:5").empty());
    CHECK(cpu_problem("node:0", {}).find("layout") != std::string::npos);
    CHECK(parse_ranges("0-2,5")->members() == Numbers{0, 1, 2, 5});
    CHECK_FALSE(parse_ranges("^1").ok());
}

TEST_CASE("CPUID features by name") {
    CpuPolicy policy;
    REQUIRE(parse_cpuid_flags("host,tm=0,sse3=0,family=23,model=0x4f,lahf-lm=k,rdcl-no=1,gds-no=1", policy));
    REQUIRE(policy.cpuid.size() == 2);
    CHECK(policy.cpuid[0].leaf == 1);
    CHECK(policy.cpuid[0].edx == "xx0xxxxxxxxxxxxxxxxxxxxxxxxxxxxx");
    CHECK(policy.cpuid[0].ecx == "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx0");
    CHECK(policy.cpuid[0].eax == "xxxx000010000100xxxx11111111xxxx");
    CHECK(policy.cpuid[1].leaf == 0x80000001);
    REQUIRE(policy.msr.size() == 1);
    CHECK(policy.msr[0].policy == "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx1xxxxxxxxxxxxxxxxxxxxxxxxx1");
    REQUIRE(parse_cpuid_flags("host,tm=1", policy)); // the later one wins
    CHECK(policy.cpuid[0].edx == "xx1xxxxxxxxxxxxxxxxxxxxxxxxxxxxx");
}

TEST_CASE("a wrong CPUID word changes nothing") {
    CpuPolicy policy;
    for (const char* const text :
         {"tm=0", "host,tm", "host,tm=2", "host,nosuch=1", "host,stepping=16", "host,family=271", "host,tm=1,tm=z", ""})
        CHECK_FALSE(parse_cpuid_flags(text, policy).ok());
    for (const char* const text : {"", "x", "1", "1:eax=2", "1:efx=xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
                                   "1,z:eax=", "1:eax=xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx2"})
        CHECK_FALSE(parse_cpuid_leaf(text, policy).ok());
    CHECK(policy.empty());
}

TEST_CASE("CPUID by leaf") {
    CpuPolicy policy;
    REQUIRE(parse_cpuid_leaf("7,0:ebx=xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxk", policy));
    REQUIRE(parse_cpuid_leaf("7,0:ecx=0xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx", policy));
    REQUIRE(parse_cpuid_leaf("7:ecx=1xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx", policy));
    REQUIRE(policy.cpuid.size() == 2);
    CHECK(policy.cpuid[0].subleaf == 0U);
    CHECK(policy.cpuid[1].subleaf.is_default());
    CHECK(policy.cpuid[0].ebx.back() == 'k');
}

TEST_CASE("defaults fill only what is open") {
    DomainConfig config;
    config.nics.resize(3);
    config.nics[1].devid = 0;
    apply_defaults(config);
    CHECK(config.b_info.max_vcpus == 1);
    CHECK(config.b_info.avail_vcpus.members() == Numbers{0});
    CHECK(config.b_info.max_memkb == 32 * 1024U);
    CHECK(config.b_info.target_memkb == 32 * 1024U);
    CHECK(config.nics[0].devid == 1);
    CHECK(config.nics[1].devid == 0);
    CHECK(config.nics[2].devid == 2);
    DomainConfig set;
    set.b_info.target_memkb = 1024;
    set.b_info.max_vcpus = 4;
    apply_defaults(set);
    CHECK(set.b_info.max_memkb == 1024U);
    CHECK(set.b_info.avail_vcpus.count() == 1);
}

TEST_CASE("a CPUID policy becomes the builder's rules") {
    CpuPolicy policy;
    CpuidEntry entry;
    entry.leaf = 1;
    entry.ecx = "10xk" + std::string(27, 'x') + "s";
    entry.edx = "10"; // not a whole register
    policy.cpuid.push_back(entry);
    const auto rules = cpuid_rules(policy);
    REQUIRE(rules.size() == 1);
    CHECK(rules[0].leaf == 1);
    CHECK(rules[0].subleaf == XEN_CPUID_NO_SUBLEAF);
    CHECK(rules[0].set == std::array<std::uint32_t, 4>{0, 0, 1U << 31, 0});
    CHECK(rules[0].clear == std::array<std::uint32_t, 4>{0, 0, 1U << 30, 0});
    CHECK(rules[0].host == std::array<std::uint32_t, 4>{0, 0, 1U << 28 | 1, 0});
}
