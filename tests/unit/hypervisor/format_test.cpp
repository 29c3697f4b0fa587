// SPDX-License-Identifier: MIT
#include "lib/format.hpp"

#include <string>

#include <catch2/catch.hpp>

#include "lib/ids.hpp"

namespace {
template <typename... Args> std::string text(const char* fmt, const Args&... args) {
    char out[128];
    const auto n = hv::format(out, sizeof(out), fmt, args...);
    REQUIRE(n == std::string(out).size());
    return out;
}
} // namespace

TEST_CASE("format: kinds of values") {
    CHECK(text("{} {} {}", 1, -2, 3U) == "1 -2 3");
    CHECK(text("{}", hv::u64{~0ULL}) == "18446744073709551615");
    CHECK(text("{}", hv::s64{-0x7fffffffffffffff - 1}) == "-9223372036854775808");
    CHECK(text("{} {}", true, 'x') == "true x");
    CHECK(text("{}", "abc") == "abc");
    CHECK(text("{}", static_cast<const char*>(nullptr)) == "(null)");
    CHECK(text("{}", hv::Domid{7}) == "7");
    CHECK(text("{}", static_cast<const void*>(nullptr)) == "0x0");
}

TEST_CASE("format: hexadecimal, width and padding") {
    CHECK(text("{:x}", 0xabc) == "0xabc");
    CHECK(text("{:016x}", 0x12ULL) == "0x0000000000000012");
    CHECK(text("[{:5}]", 42) == "[   42]");
    CHECK(text("[{:-5}]", 42) == "[42   ]");
    CHECK(text("[{:05}]", -42) == "[-00042]");
    CHECK(text("[{:-6}]", "ab") == "[ab    ]");
    CHECK(text("{:x}", -1) == "0xffffffffffffffff");
}

TEST_CASE("format: what is no placeholder stays") {
    CHECK(text("{{}} {", 1) == "{} {");
    CHECK(text("{:q} {}", 1) == "{:q} 1");
    CHECK(text("{} {}", 1) == "1 {}");
    CHECK(text("") == "");
}

TEST_CASE("format: output is cut, terminated and never overrun") {
    char out[8] = "1234567";
    CHECK(hv::format(out, 4, "{}", "abcdef") == 3);
    CHECK(std::string(out) == "abc");
    CHECK(out[4] == '5');
    CHECK(hv::format(out, 1, "xyz") == 0);
    CHECK(out[0] == '\0');
    CHECK(hv::format(out, 0, "xyz") == 0);
}
