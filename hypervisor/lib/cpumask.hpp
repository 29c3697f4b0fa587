// SPDX-License-Identifier: MIT
// One bit per physical CPU.
#pragma once

#include "lib/ids.hpp"

namespace hv {

struct CpuMask {
    u64 bits[max_cpus / 64] = {};

    static constexpr CpuMask all() {
        CpuMask mask;
        for (u64& word : mask.bits)
            word = ~u64{0};
        return mask;
    }
    static constexpr CpuMask of(CpuId cpu) {
        CpuMask mask;
        mask.set(cpu);
        return mask;
    }
    [[nodiscard]] constexpr bool test(CpuId cpu) const { return (bits[cpu / 64] >> (cpu % 64)) & 1; }
    constexpr void set(CpuId cpu) { bits[cpu / 64] |= u64{1} << (cpu % 64); }
    constexpr void clear(CpuId cpu) { bits[cpu / 64] &= ~(u64{1} << (cpu % 64)); }
    [[nodiscard]] constexpr bool empty() const { return count() == 0; }
    [[nodiscard]] constexpr CpuId count() const {
        CpuId n = 0;
        for (u64 word : bits)
            n += static_cast<CpuId>(__builtin_popcountll(word));
        return n;
    }
    /// Lowest CPU at or after `from`, or max_cpus.
    [[nodiscard]] constexpr CpuId next(CpuId from) const {
        for (CpuId word = from / 64; word < max_cpus / 64; ++word) {
            const u64 rest = word == from / 64 ? bits[word] & (~u64{0} << (from % 64)) : bits[word];
            if (rest) return word * 64 + static_cast<CpuId>(__builtin_ctzll(rest));
        }
        return max_cpus;
    }
    [[nodiscard]] constexpr CpuId first() const { return next(0); }
    [[nodiscard]] constexpr CpuMask operator&(const CpuMask& other) const {
        CpuMask out;
        for (unsigned i = 0; i < max_cpus / 64; ++i)
            out.bits[i] = bits[i] & other.bits[i];
        return out;
    }
    friend constexpr bool operator==(const CpuMask&, const CpuMask&) = default;
};

template <typename F> void for_each_cpu(const CpuMask& mask, F&& visit) {
    for (CpuId cpu = mask.first(); cpu < max_cpus; cpu = mask.next(cpu + 1))
        visit(cpu);
}

} // namespace hv
