// SPDX-License-Identifier: MIT
#include "xc/resident.hpp"

#include <catch2/catch.hpp>

#include <cstdio>
#include <cstring>

/// Resident kilobytes of files.
static long file_pages() {
    std::FILE* const f = std::fopen("/proc/self/status", "re");
    long kb = -1;
    for (char line[256]; f && std::fgets(line, sizeof line, f);)
        if (std::sscanf(line, "RssFile: %ld", &kb) == 1) break;
    if (f) std::fclose(f);
    return kb;
}

TEST_CASE("a program forgets the code that it has used, and goes on") {
    static const char* const constant = "still there";
    const long before = file_pages();
    hospes::xc::forget_start();
    const long after = file_pages();
    REQUIRE(before > 0);
    CHECK(after < before);
    CHECK(std::strcmp(constant, "still there") == 0);
    CHECK_THROWS_AS(throw 1, int); // unwinding reads the program's tables
}
