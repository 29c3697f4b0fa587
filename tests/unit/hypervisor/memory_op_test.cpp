// SPDX-License-Identifier: MIT
// Arithmetic of memory_op's hostile arguments.
#include "core/memory_op/extents.hpp"

#include <catch2/catch.hpp>

using namespace hv;

TEST_CASE("progress fits into the command") {
    const u64 resumed = memop_resume(XENMEM_populate_physmap, memop_max_extents);
    CHECK((resumed & memop_command_mask) == XENMEM_populate_physmap);
    CHECK((resumed >> memop_extent_shift) == memop_max_extents);
    CHECK(resumed <= ~u32{0}); // 32-bit callers pass it in 32 bits
}

TEST_CASE("extent counts that wrap are refused") {
    CHECK(extents_fit(0, 63));
    CHECK(extents_fit(1, 63));
    CHECK_FALSE(extents_fit(2, 63));
    CHECK_FALSE(extents_fit(1, 64));
    CHECK_FALSE(extents_fit(0, ~u32{0}));
    CHECK(extents_fit(~u64{0}, 0));
    CHECK_FALSE(extents_fit(~u64{0}, 1));
}

TEST_CASE("allocation flags") {
    AllocFlags flags;
    REQUIRE(parse_mem_flags(0, flags));
    CHECK((flags.max_address_bits == 64 && flags.node == -1 && !flags.exact_node));
    REQUIRE(parse_mem_flags(XENMEMF_address_bits(32), flags));
    CHECK(flags.max_address_bits == 32);
    CHECK_FALSE(parse_mem_flags(XENMEMF_address_bits(12), flags));
    CHECK(parse_mem_flags(XENMEMF_address_bits(255), flags));
    CHECK(flags.max_address_bits == 64);
    AllocFlags node;
    REQUIRE(parse_mem_flags(XENMEMF_exact_node(2), node));
    CHECK((node.node == 2 && node.exact_node));
    AllocFlags virt;
    REQUIRE(parse_mem_flags(XENMEMF_node(1) | XENMEMF_vnode, virt));
    CHECK(virt.node == -1);
}

TEST_CASE("exchange: both sides must name the same pages, in whole chunks") {
    CHECK(exchange_shape_ok(512, 0, 1, 9, 0));
    CHECK(exchange_shape_ok(1, 9, 512, 0, 0));
    CHECK_FALSE(exchange_shape_ok(511, 0, 1, 9, 0));
    CHECK(exchange_shape_ok(1024, 0, 2, 9, 512));
    CHECK_FALSE(exchange_shape_ok(1024, 0, 2, 9, 100)); // in the middle of a chunk
    CHECK_FALSE(exchange_shape_ok(1024, 0, 2, 9, 1025));
    CHECK_FALSE(exchange_shape_ok(u64{1} << 63, 1, 0, 0, 0)); // wraps to 0 pages
    CHECK_FALSE(exchange_shape_ok(1, 64, 1, 64, 0));
    CHECK(exchange_shape_ok(0, 0, 0, 0, 0));
}

TEST_CASE("exchange: no shape that passes can wrap") {
    for (u32 in = 0; in < 70; ++in)
        for (u32 out = 0; out < 70; ++out)
            for (const u64 count : {u64{0}, u64{1}, u64{2}, u64{1} << 32, u64{1} << 63, ~u64{0}})
                if (exchange_shape_ok(count, in, count, out, 0)) {
                    using Wide = unsigned __int128;
                    CHECK(Wide{count} << in <= ~u64{0});
                    CHECK(Wide{count} << in == Wide{count} << out);
                }
}
