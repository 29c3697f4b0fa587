// SPDX-License-Identifier: MIT
#include "libxl/host/cpu_set.hpp"

#include <catch2/catch.hpp>

using namespace hospes::xl;

namespace {

const std::vector<unsigned> two_nodes{0, 0, 0, 0, 1, 1, 1, 1};

std::string parsed(std::string_view text) {
    const auto set = parse_cpu_list(text, two_nodes);
    return set ? set_text(*set, 8) : "error: " + set.problem().cause;
}

} // namespace

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

TEST_CASE("CPU lists of vcpu-pin and cpupool-cpu-add") {
    CHECK(parsed("3") == "3");
    CHECK(parsed("0-2,5") == "0-2,5");
    CHECK(parsed("all") == "all");
    CHECK(parsed("all,^3") == "0-2,4-7");
    CHECK(parsed("1,5,2-4,^3") == "1-2,4-5");
    CHECK(parsed("node:1") == "4-7");
    CHECK(parsed("nodes:0-1,^node:0") == "4-7");
    CHECK(parsed("node:0,nodes:1,^1-2,7") == "0,3-7");
    CHECK(parsed(" 1 , 3 ") == "1,3");
    CHECK(parsed("6-20") == "6-7"); // what the machine has not is left out
    CHECK(parsed("77") == "none");
}

TEST_CASE("a bad CPU list names the bad part") {
    for (const char* wrong : {"", "foo", "1,", "3-1", "-1", "1-", "node:", "nodes:x", "^", "0x", "1 2", "all2"}) {
        INFO(wrong);
        CHECK(parsed(wrong).starts_with("error: "));
    }
    CHECK(parsed("0-2,bar") == "error: 'bar' is neither a CPU, a range nor a node");
    CHECK(parsed("0-4294967295") == "all"); // bounded work, no overflow
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
}
