// SPDX-License-Identifier: MIT
#include <catch2/catch.hpp>
#include <random>

#include "time/clock.hpp"

using namespace hv;

TEST_CASE("a scale reproduces its frequency", "[clock]") {
    for (const u64 hz : {u64{1'000}, u64{32'768}, u64{1'193'182}, u64{3'579'545}, u64{14'318'180}, u64{100'000'000},
                         u64{1'000'000'000}, u64{2'445'404'000}, u64{4'999'999'999}, u64{1'000'000'000'000}}) {
        INFO(hz);
        const TscScale scale = TscScale::from_frequency(hz);
        CHECK((scale.mul_frac & 0x80000000) != 0);
        const u64 second = scale.to_ns(hz);
        CHECK(second <= 1'000'000'000);
        CHECK(second >= 999'999'998);
        const u64 hour = scale.to_ns(hz * 3600); // truncation of the fraction: 2^-32 of the time
        CHECK(hour <= 3'600'000'000'000);
        CHECK(hour >= 3'600'000'000'000 - 3'600'000'000'000 / (1U << 31) - 1);
    }
}

TEST_CASE("a scale survives extreme ratios", "[clock]") {
    CHECK(TscScale::from_ratio(0, 5) == TscScale{});
    CHECK(TscScale::from_ratio(5, 0) == TscScale{});
    CHECK(TscScale::from_ratio(~u64{0}, ~u64{0}).to_ns(1000) >= 999);
    CHECK(TscScale::from_ratio(~u64{0}, ~u64{0}).to_ns(1000) <= 1000);
    CHECK(TscScale::from_ratio(1, 1).to_ns(1'000'000) == 1'000'000);
    CHECK(TscScale::from_ratio(3, 1).to_ns(7) == 21);
}

TEST_CASE("scaling is monotonic", "[clock]") {
    const TscScale scale = TscScale::from_frequency(2'999'999'123);
    u64 last = 0;
    std::mt19937_64 random(1);
    for (u64 ticks = 0; ticks < 1'000'000'000'000; ticks += random() % 100'000'000) {
        const u64 ns = scale.to_ns(ticks);
        REQUIRE(ns >= last);
        last = ns;
    }
}

namespace {

ClockParams clock_of(u64 hz) {
    ClockParams params;
    params.tsc = 1'000'000;
    params.ns = 0;
    params.set_rate(1'000'000'000, hz);
    return params;
}

} // namespace

TEST_CASE("a deadline converts back to the tick of its time", "[clock]") {
    const ClockParams params = clock_of(2'445'404'000);
    for (const u64 ns : {u64{1}, u64{1'000}, u64{1'000'000}, u64{3'600'000'000'000}}) {
        const u64 tick = params.ticks_at(ns);
        CHECK(params.at(tick) <= ns + 1);
        CHECK(params.at(tick) + 2 + ns / 1'000'000'000 >= ns);
    }
    CHECK(params.ticks_at(0) == params.tsc);
}

TEST_CASE("a reading from before the base gives an earlier time", "[clock]") {
    ClockParams params = clock_of(1'000'000'000);
    params.ns = 5'000;
    CHECK(params.at(params.tsc - 1'000) <= 4'001);
    CHECK(params.at(params.tsc - 1'000) >= 3'999);
}

TEST_CASE("corrections pull a wrong rate to the reference and never turn time back", "[clock]") {
    const s64 ppm = GENERATE(-400, -40, 0, 40, 400);
    const u64 real_hz = 2'400'000'000;
    // Calibration was wrong by ppm: the clock believes in another frequency.
    ClockParams params = clock_of(static_cast<u64>(static_cast<s64>(real_hz) * (1'000'000 + ppm) / 1'000'000));
    const u64 start = params.tsc;
    u64 last = 0;
    for (u64 second = 2; second <= 60; second += 2) {
        const u64 tsc = start + second * real_hz, truth = second * 1'000'000'000;
        REQUIRE(params.at(tsc) >= last);
        last = params.at(tsc);
        const ClockParams next = params.corrected(tsc, truth, truth, tsc - start);
        REQUIRE(next.at(tsc) == last); // continuous
        params = next;
    }
    const s64 error = static_cast<s64>(params.at(start + 62 * real_hz)) - 62'000'000'000;
    CHECK(error < 2'000);
    CHECK(error > -2'000);
}

TEST_CASE("a clock that was stopped jumps forward, one that is ahead only slows down", "[clock]") {
    const u64 hz = 1'000'000'000;
    const ClockParams params = clock_of(hz);
    const u64 tsc = params.tsc + 2 * hz;
    CHECK(params.corrected(tsc, 12'000'000'000, 12'000'000'000, 2 * hz).ns == 12'000'000'000);
    const ClockParams slow = params.corrected(tsc, 1'000'000'000, 2'000'000'000, 2 * hz);
    CHECK(slow.ns >= 1'999'999'998);
    const u64 next = slow.at(tsc + hz) - slow.ns;
    CHECK(next < 1'000'000'000);
    CHECK(next > 999'000'000);
}

TEST_CASE("the latch gives what was published last", "[clock]") {
    ClockLatch latch;
    u32 version = 0;
    for (u32 i = 1; i < 10; ++i) {
        ClockParams params;
        params.ns = i;
        latch.publish(params);
        CHECK(latch.read(&version).ns == i);
        CHECK(version == i);
    }
}
