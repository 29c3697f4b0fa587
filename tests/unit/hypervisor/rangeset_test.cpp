// SPDX-License-Identifier: MIT
#include "lib/rangeset.hpp"

#include <catch2/catch.hpp>

#include <bitset>
#include <random>

using namespace hv;

TEST_CASE("ranges merge and split", "[rangeset]") {
    RangeSet set;
    REQUIRE(set.add(10, 19).ok());
    REQUIRE(set.add(30, 39).ok());
    CHECK_FALSE(set.contains(10, 39));
    REQUIRE(set.add(20, 29).ok());
    CHECK(set.contains(10, 39));
    int ranges = 0;
    set.each([&](u64 first, u64 last) {
        ++ranges;
        CHECK(first == 10);
        CHECK(last == 39);
    });
    CHECK(ranges == 1);
    REQUIRE(set.remove(15, 15).ok());
    CHECK(set.contains(10, 14));
    CHECK_FALSE(set.contains(15));
    CHECK(set.contains(16, 39));
    CHECK_FALSE(set.add(5, 4).ok());
}

TEST_CASE("the whole range of numbers", "[rangeset]") {
    RangeSet set;
    REQUIRE(set.add(0, ~u64{0}).ok());
    CHECK(set.contains(0, ~u64{0}));
    REQUIRE(set.add(0, 0).ok());
    REQUIRE(set.add(~u64{0}, ~u64{0}).ok());
    REQUIRE(set.remove(0, 0).ok());
    REQUIRE(set.remove(~u64{0}, ~u64{0}).ok());
    CHECK(set.contains(1, ~u64{0} - 1));
    CHECK_FALSE(set.contains(0));
    REQUIRE(set.remove(0, ~u64{0}).ok());
    CHECK(set.empty());
}

TEST_CASE("agrees with a bit set", "[rangeset]") {
    RangeSet set;
    std::bitset<256> model;
    std::mt19937 random(7);
    for (int step = 0; step < 20000; ++step) {
        u64 first = random() % 256, last = random() % 256;
        if (first > last) std::swap(first, last);
        const bool add = random() % 2;
        REQUIRE((add ? set.add(first, last) : set.remove(first, last)).ok());
        for (u64 i = first; i <= last; ++i)
            model[i] = add;
        u64 previous_end = 0;
        bool any = false;
        std::bitset<256> seen;
        set.each([&](u64 a, u64 b) {
            REQUIRE(a <= b);
            REQUIRE((!any || a > previous_end + 1)); // sorted, disjoint, not adjacent
            any = true;
            previous_end = b;
            for (u64 i = a; i <= b; ++i)
                seen[i] = true;
        });
        REQUIRE(seen == model);
        const u64 probe = random() % 256;
        REQUIRE(set.contains(probe) == model[probe]);
    }
}
