// SPDX-License-Identifier: MIT
#include "build/pv_tables.hpp"

#include <catch2/catch.hpp>
#include <map>
#include <optional>

using namespace hospes::xc;

namespace {

constexpr std::uint64_t kernel_base = 0xffffffff80000000ULL;
constexpr std::uint64_t address_mask = 0x000ffffffffff000ULL;

/// A walker of its own: what the processor would do with the produced tables.
class Walker {
  public:
    Walker(const PvTables& tables, const std::vector<std::uint64_t>& p2m) : top_(p2m[tables.top_frame()]) {
        for (std::size_t i = 0; i < tables.count(); ++i)
            tables_[p2m[tables.frame(i)]] = tables.contents(i);
    }
    std::optional<std::uint64_t> entry(std::uint64_t address) const {
        std::uint64_t machine = top_, value = 0;
        for (unsigned level = 4; level >= 1; --level) {
            const auto table = tables_.find(machine);
            if (table == tables_.end()) return std::nullopt;
            value = table->second[(address >> (12 + 9 * (level - 1))) & 511];
            if (!(value & 1)) return std::nullopt;
            machine = (value & address_mask) >> 12;
        }
        return value;
    }

  private:
    std::uint64_t top_;
    std::map<std::uint64_t, std::span<const std::uint64_t>> tables_;
};

std::vector<std::uint64_t> scrambled_p2m(std::size_t pages) {
    std::vector<std::uint64_t> p2m(pages);
    for (std::size_t i = 0; i < pages; ++i)
        p2m[i] = 0x10000 + (i * 7919) % 100003;
    return p2m;
}

} // namespace

TEST_CASE("tables_for counts each level's tables") {
    CHECK(tables_for(0, 0) == 0);
    CHECK(tables_for(0, 1) == 3);
    CHECK(tables_for(0, 512) == 3);
    CHECK(tables_for(0, 513) == 4);
    CHECK(tables_for(511 << 12, 2) == 4);
    CHECK(tables_for(kernel_base, 512 * 512) == 512 + 1 + 1);
    CHECK(tables_for(kernel_base, 512 * 512 + 1) == 513 + 2 + 1);
}

TEST_CASE("every page of a range is mapped to its machine frame, tables read-only") {
    const auto p2m = scrambled_p2m(4096);
    std::vector<std::uint64_t> frames;
    for (std::uint64_t i = 0; i < 1 + tables_for(kernel_base, 3000); ++i)
        frames.push_back(2000 + i);
    PvTables tables(p2m, frames);
    REQUIRE(tables.map({kernel_base, 0, 3000}));
    CHECK(tables.count() == frames.size());
    const Walker walk(tables, p2m);
    for (std::uint64_t i = 0; i < 3000; ++i) {
        const auto entry = walk.entry(kernel_base + (i << 12));
        REQUIRE(entry);
        CHECK((*entry & address_mask) >> 12 == p2m[i]);
        const bool table = i >= 2000 && i < 2000 + frames.size();
        CHECK(((*entry & 2) != 0) == !table);
    }
    CHECK_FALSE(walk.entry(kernel_base + (3000ULL << 12)));
}

TEST_CASE("two ranges share upper tables and running out of tables is reported") {
    const auto p2m = scrambled_p2m(1024);
    std::vector<std::uint64_t> frames;
    for (std::uint64_t i = 0; i < 1 + tables_for(kernel_base, 100) + tables_for(0x8000000000ULL, 10); ++i)
        frames.push_back(500 + i);
    PvTables tables(p2m, frames);
    CHECK(tables.map({kernel_base, 0, 100}));
    CHECK(tables.map({0x8000000000ULL, 200, 10}));
    CHECK(Walker(tables, p2m).entry(0x8000000000ULL + 0x9000));
    PvTables small(p2m, {500, 501, 502});
    CHECK_FALSE(small.map({kernel_base, 0, 1}));
    PvTables beyond(p2m, frames);
    CHECK_FALSE(beyond.map({kernel_base, 1000, 100}));
}
