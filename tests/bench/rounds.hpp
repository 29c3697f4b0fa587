// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdio>
#include <ctime>

inline double now_ns() {
    timespec t{};
    clock_gettime(CLOCK_MONOTONIC, &t);
    return static_cast<double>(t.tv_sec) * 1e9 + static_cast<double>(t.tv_nsec);
}

/// The median over the rounds of what one unit of `body` costs, in ns; body does `units` of them,
/// and runs `times` times a round. The first round warms up and does not count.
template <typename Body> double measure(int times, Body body, std::size_t units = 1) {
    std::array<double, 9> rounds{};
    for (std::size_t round = 0; round <= rounds.size(); round++) {
        const double start = now_ns();
        for (int i = 0; i < times; i++)
            body();
        const double cost = (now_ns() - start) / times / static_cast<double>(units);
        if (round > 0) rounds[round - 1] = cost;
    }
    std::sort(rounds.begin(), rounds.end());
    return rounds[rounds.size() / 2];
}

inline void print(const char* name, double cost) {
    std::printf("%s %.0f\n", name, cost);
    std::fflush(stdout);
}

template <typename Body> void report(const char* name, int times, Body body, std::size_t units = 1) {
    print(name, measure(times, body, units));
}
