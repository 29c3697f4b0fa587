// SPDX-License-Identifier: MIT
// Ticks to nanoseconds as the PV clock ABI defines it (xen/xen.h vcpu_time_info): shift, then multiply by a 32.32
// fixed-point fraction. Pure arithmetic.
#pragma once

#include "lib/types.hpp"

namespace hv {

struct TscScale {
    u32 mul_frac = 0;
    s8 shift = 0;
    friend constexpr bool operator==(const TscScale&, const TscScale&) = default;

    /// For a counter of `ticks` per `ns` nanoseconds (both > 0). mul_frac is normalised to [2^31, 2^32).
    static constexpr TscScale from_ratio(u64 ns, u64 ticks) {
        using u128 = unsigned __int128;
        TscScale scale;
        // Find the shift for which ns / (ticks << shift) lies in [1/2, 1).
        u128 n = ns, t = ticks;
        while (n >= t) {
            t <<= 1;
            ++scale.shift;
        }
        while (n < t - n) {  // n/t < 1/2
            n <<= 1;
            --scale.shift;
        }
        while (t >> 64) {    // keep (n << 32) inside 128 bits; precision stays above 32 bits
            n >>= 1;
            t >>= 1;
        }
        const u128 fraction = (n << 32) / t;
        scale.mul_frac = fraction > 0xffffffffU ? 0xffffffffU : static_cast<u32>(fraction);
        return scale;
    }
    static constexpr TscScale from_frequency(u64 hz) { return from_ratio(1'000'000'000, hz); }

    [[nodiscard]] constexpr u64 to_ns(u64 ticks) const {
        using u128 = unsigned __int128;
        const u128 shifted = shift >= 0 ? u128{ticks} << shift : u128{ticks} >> -shift;
        return static_cast<u64>((shifted * mul_frac) >> 32);
    }
};

}  // namespace hv
