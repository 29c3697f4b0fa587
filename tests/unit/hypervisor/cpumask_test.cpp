// SPDX-License-Identifier: MIT
#include "lib/cpumask.hpp"

#include <catch2/catch.hpp>

#include <vector>

using namespace hv;

TEST_CASE("CPU masks iterate across words", "[cpumask]") {
    CpuMask mask;
    CHECK(mask.empty());
    CHECK(mask.first() == max_cpus);
    for (CpuId cpu : {0u, 5u, 63u, 64u, 127u})
        mask.set(cpu);
    CHECK(mask.count() == 5);
    std::vector<CpuId> seen;
    for_each_cpu(mask, [&](CpuId cpu) { seen.push_back(cpu); });
    CHECK(seen == std::vector<CpuId>{0, 5, 63, 64, 127});
    CHECK(mask.next(6) == 63);
    CHECK(mask.next(64) == 64);
    CHECK(mask.next(128) == max_cpus);
    mask.clear(63);
    CHECK_FALSE(mask.test(63));
    CHECK((mask & CpuMask::of(64)) == CpuMask::of(64));
    CHECK(CpuMask::all().count() == max_cpus);
}
