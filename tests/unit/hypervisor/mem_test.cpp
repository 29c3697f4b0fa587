// SPDX-License-Identifier: MIT
// The freestanding memory and string functions against the C library's, at every length and offset up to a few words.
#include <catch2/catch.hpp>
#include <cstring>
#include <random>
#include <vector>

namespace {
int sign(int n) { return (n > 0) - (n < 0); }
int libc_memcmp(const void* a, const void* b, std::size_t n) { return memcmp(a, b, n); }
int libc_strncmp(const char* a, const char* b, std::size_t n) { return strncmp(a, b, n); }
} // namespace

// The library's names are taken: the ones under test get others.
#define memcpy tested_memcpy
#define memmove tested_memmove
#define memset tested_memset
#define memcmp tested_memcmp
#define memchr tested_memchr
#define strlen tested_strlen
#define strcmp tested_strcmp
#define strncmp tested_strncmp
#include "lib/mem.cpp"

using Bytes = std::vector<unsigned char>;

TEST_CASE("memory functions: every short length, offset and overlap", "[lib]") {
    hv::fast_strings = GENERATE(false, true);
    std::mt19937 random(1);
    Bytes start(192);
    for (auto& byte : start)
        byte = static_cast<unsigned char>(random());
    for (std::size_t length = 0; length <= 160; length += length < 40 ? 1 : 9)
        for (std::size_t from = 0; from <= 24; from += 3)
            for (std::size_t to = 0; to <= 24; to += 3) {
                Bytes wanted = start, got = start;
                const Bytes source(start.begin() + static_cast<long>(from),
                                   start.begin() + static_cast<long>(from + length));
                std::copy(source.begin(), source.end(), wanted.begin() + static_cast<long>(to));
                REQUIRE(tested_memmove(got.data() + to, got.data() + from, length) == got.data() + to);
                REQUIRE(got == wanted);
                got = start;
                REQUIRE(tested_memcpy(got.data() + to, source.data(), length) == got.data() + to);
                REQUIRE(got == wanted);
                std::fill_n(wanted.begin() + static_cast<long>(to), length, static_cast<unsigned char>(0xa5));
                REQUIRE(tested_memset(got.data() + to, 0x7a5, length) == got.data() + to);
                REQUIRE(got == wanted);
                REQUIRE(sign(tested_memcmp(start.data() + from, start.data() + to, length)) ==
                        sign(libc_memcmp(start.data() + from, start.data() + to, length)));
            }
}

TEST_CASE("string functions: lengths, order, limits, bytes above 127", "[lib]") {
    CHECK(tested_strlen("") == 0);
    CHECK(tested_strlen("abc") == 3);
    const char* const words[] = {"", "a", "ab", "abc", "abd", "b", "\x80", "a\xff"};
    for (const char* a : words)
        for (const char* b : words) {
            for (std::size_t limit = 0; limit <= 4; ++limit)
                CHECK(sign(tested_strncmp(a, b, limit)) == sign(libc_strncmp(a, b, limit)));
            CHECK(sign(tested_strcmp(a, b)) == sign(libc_strncmp(a, b, 8)));
        }
    const char text[] = "abcabc";
    CHECK(tested_memchr(text, 'c', sizeof(text)) == text + 2);
    CHECK(tested_memchr(text, 'c', 2) == nullptr);
    CHECK(tested_memchr(text, 0, sizeof(text)) == text + 6);
}
