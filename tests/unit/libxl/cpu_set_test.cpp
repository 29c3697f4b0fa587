// SPDX-License-Identifier: MIT
#include "libxl/host/cpu_set.hpp"

#include <catch2/catch.hpp>

using namespace hospes::xl;

TEST_CASE("sets are printed as the tools print them") {
    Bitmap set;
    CHECK(set_text(set, 4) == "none");
    set.set(1);
    CHECK(set_text(set, 4) == "1");
    set.set(2);
    CHECK(set_text(set, 4) == "1-2");
    set.set(0);
    CHECK(set_text(set, 4) == "0-2");
    CHECK(set_text(set, 3) == "all");
    set.set(5);
    CHECK(set_text(set, 8) == "0-2,5");
    CHECK(set_text(set, 1) == "all");
    set.clear(1);
    CHECK(set_text(set, 8) == "0,2,5");
    CHECK(set_text({}, 0) == "none");
}

TEST_CASE("hypercall bitmaps") {
    Bitmap set;
    set.set(0);
    set.set(9);
    CHECK(to_words(set, 10) == hospes::xc::BitWords{1, 2});
    CHECK(to_words(set, 9) == hospes::xc::BitWords{1, 0});
    CHECK(from_words({1, 2}, 10) == set);
    CHECK(from_words({0xff}, 3).count() == 3);
    CHECK(from_words({}, 64).empty());
    CHECK(within(set, 9).members() == std::vector<unsigned>{0});
    CHECK(within(set, 10) == set);
}
