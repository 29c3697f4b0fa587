// SPDX-License-Identifier: MIT
// The fuzzer's entry point in a seeded loop, so that every test run does a little of its work.
#include <catch2/catch.hpp>

#include <random>
#include <string>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

TEST_CASE("what the fuzzer once found stays mended") {
    const std::vector<std::uint8_t> inputs[] = {
        {0xd1, 0x09, 0x00, 0x3f}, // releases the control domain
        // A change of a transaction whose domain is gone by then.
        {0x08, 0x08, 0x08, 0xb8, 0x08, 0x3a, 0x25, 0x09, 0x29, 0x24, 0x08, 0x09, 0x08, 0x27, 0x01, 0x01, 0x2f, 0x03,
         0x08, 0x08, 0x32, 0x08, 0x08, 0x08, 0x08, 0x08, 0x08, 0x08, 0x08, 0x08, 0x08, 0x08, 0x6d, 0x61, 0x78, 0x09,
         0x08, 0x08, 0x08, 0x08, 0x08, 0x09, 0x08, 0x08, 0x08, 0x08, 0x08, 0x08, 0x6d, 0x61, 0x78, 0x09, 0x08, 0x08,
         0x08, 0x01, 0x08, 0x08, 0x2f, 0x61, 0x00, 0x2f, 0x03, 0x01, 0x46, 0x00, 0x01, 0x09, 0x08, 0x08, 0x08},
    };
    for (const auto& in : inputs)
        LLVMFuzzerTestOneInput(in.data(), in.size());
    SUCCEED();
}

TEST_CASE("random bytes do no harm") {
    std::mt19937 rng(20260101);
    const std::string words[] = {
        "/local/domain/1", "/a", "/", "x/y", "@releaseDomain", "n1", "b2", "T", "F", "1", "tok"};
    for (int round = 0; round < 6000; ++round) {
        std::vector<std::uint8_t> in{static_cast<std::uint8_t>(round % 3)};
        for (unsigned n = rng() % 60; n > 0; --n) {
            if (rng() % 3 == 0) {
                const std::string& w = words[rng() % std::size(words)];
                const bool request = round % 3 == 0;
                if (request)
                    for (const std::size_t b :
                         {std::size_t{rng() % 3}, std::size_t{rng() % 23}, std::size_t{rng() % 3 == 0}, w.size() + 1})
                        in.push_back(static_cast<std::uint8_t>(b));
                in.insert(in.end(), w.begin(), w.end());
                in.push_back(0);
            } else if (round % 3 != 0) {
                in.push_back(static_cast<std::uint8_t>(rng() % 45));
            }
        }
        LLVMFuzzerTestOneInput(in.data(), in.size());
    }
    SUCCEED();
}
