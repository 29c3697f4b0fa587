// SPDX-License-Identifier: MIT
#include <catch2/catch.hpp>
#include <set>

#include "irq/vector_table.hpp"

using namespace hv;

TEST_CASE("every usable vector is handed out once, then none", "[vectors]") {
    VectorTable table;
    std::set<unsigned> seen;
    for (u32 irq = 0;; ++irq) {
        const u8 vector = table.allocate(irq);
        if (vector == 0) break;
        REQUIRE(seen.insert(vector).second);
        CHECK(table.irq_of(vector) == irq);
        CHECK_FALSE(table.is_free(vector));
    }
    CHECK(seen.size() == VectorTable::last - VectorTable::first + 1 - 2);
    CHECK(seen.count(0x80) == 0); // guests' system call gates
    CHECK(seen.count(0x82) == 0);
    CHECK(*seen.begin() == VectorTable::first);
    CHECK(*seen.rbegin() == VectorTable::last);
}

TEST_CASE("a released vector is reused last", "[vectors]") {
    VectorTable table;
    const u8 first = table.allocate(7);
    table.release(first);
    CHECK(table.irq_of(first) == VectorTable::none);
    CHECK(table.is_free(first));
    CHECK(table.allocate(8) != first);
    for (u32 irq = 0; table.is_free(first); ++irq)
        REQUIRE(table.allocate(irq) != 0);
    CHECK(table.allocate(99) == 0);
}

TEST_CASE("vectors outside the dynamic range are never free", "[vectors]") {
    const VectorTable table;
    for (unsigned vector = 0; vector < 256; ++vector)
        if (vector < 0x30 || vector > 0xef) CHECK_FALSE(table.is_free(static_cast<u8>(vector)));
}

TEST_CASE("a claimed vector belongs to its claimer", "[vectors]") {
    VectorTable table;
    table.claim(0x40, 0);
    CHECK(table.irq_of(0x40) == 0);
    CHECK(table.irq_of(0x41) == VectorTable::none);
}
