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

    /// For a counter that advances by `ticks` in `ns` nanoseconds (both > 0). mul_frac is normalised to
    /// [2^31, 2^32). Long division: the freestanding image has no 128-bit divide.
    static constexpr TscScale from_ratio(u64 ns, u64 ticks) {
        while ((ns | ticks) >> 61 != 0) {
            ns >>= 1;
            ticks >>= 1;
        }
        if (ns == 0 || ticks == 0) return {};
        TscScale scale;
        while (ns >= ticks) {
            if (ticks >> 61 != 0)
                ns >>= 1;
            else
                ticks <<= 1;
            ++scale.shift;
        }
        while (ns * 2 < ticks) {
            ns *= 2;
            --scale.shift;
        }
        for (int bit = 0; bit < 32; ++bit) { // ns < ticks < 2^63
            ns *= 2;
            scale.mul_frac = scale.mul_frac << 1 | (ns >= ticks ? 1 : 0);
            ns = ns >= ticks ? ns - ticks : ns;
        }
        return scale;
    }
    static constexpr TscScale from_frequency(u64 hz) { return from_ratio(1'000'000'000, hz); }

    [[nodiscard]] constexpr u64 to_ns(u64 ticks) const {
        using u128 = unsigned __int128;
        const u128 shifted = shift >= 0 ? u128{ticks} << shift : u128{ticks} >> -shift;
        return static_cast<u64>((shifted * mul_frac) >> 32);
    }
};

} // namespace hv
