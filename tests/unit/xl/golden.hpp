// SPDX-License-Identifier: MIT
// What the stock xl printed (tests/golden/xl).
#pragma once

#include <catch2/catch.hpp>
#include <fstream>
#include <iterator>
#include <string>

inline std::string golden(const std::string& name) {
    std::ifstream file(std::string(HOSPES_GOLDEN) + "/" + name, std::ios::binary);
    INFO(name);
    REQUIRE(file.good());
    return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}
