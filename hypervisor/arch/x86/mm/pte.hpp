// SPDX-License-Identifier: MIT
// Page-table entries of the four levels (APM vol.2 5.3). The level is part of the type.
#pragma once

#include "lib/atomic.hpp"
#include "lib/frame.hpp"

namespace hv {

struct PteBits {
    static constexpr u64 present = 1, rw = 2, user = 4, pwt = 8, pcd = 16, accessed = 32, dirty = 64, pse = 128,
                         pat = 128, global = 256, avail = 0xe00 | u64{0x7ff} << 52, nx = u64{1} << 63;
    static constexpr u64 address = 0x000ffffffffff000;
    static constexpr u64 cache = pwt | pcd | pat;
};

inline constexpr unsigned pte_count = 512;

template <unsigned Level> struct Pte {
    u64 raw = 0;
    [[nodiscard]] constexpr bool present() const { return (raw & PteBits::present) != 0; }
    [[nodiscard]] constexpr bool writable() const { return (raw & PteBits::rw) != 0; }
    [[nodiscard]] constexpr bool large() const { return Level > 1 && (raw & PteBits::pse) != 0; }
    [[nodiscard]] constexpr Mfn mfn() const { return Mfn{(raw & PteBits::address) >> page_shift}; }
    [[nodiscard]] constexpr u64 flags() const { return raw & ~PteBits::address; }
    static constexpr Pte make(Mfn mfn, u64 flags) { return Pte{mfn.raw() << page_shift | flags}; }
    friend constexpr bool operator==(Pte, Pte) = default;
};
using L1e = Pte<1>;
using L2e = Pte<2>;
using L3e = Pte<3>;
using L4e = Pte<4>;

/// Index of `address` in a table of `level`.
constexpr unsigned pte_index(u64 address, unsigned level) {
    return static_cast<unsigned>(address >> (page_shift + 9 * (level - 1))) & (pte_count - 1);
}

} // namespace hv
