// SPDX-License-Identifier: MIT
// Fixed-width names used everywhere, and the page geometry of the x86-64 ABI.
#pragma once

#include <cstddef>
#include <cstdint>

namespace hv {

using u8 = std::uint8_t;
using u16 = std::uint16_t;
using u32 = std::uint32_t;
using u64 = std::uint64_t;
using s8 = std::int8_t;
using s16 = std::int16_t;
using s32 = std::int32_t;
using s64 = std::int64_t;
using usize = std::size_t;

inline constexpr unsigned page_shift = 12;
inline constexpr u64 page_size = u64{1} << page_shift;
inline constexpr u64 page_mask = ~(page_size - 1);

constexpr u64 align_up(u64 value, u64 to) { return (value + to - 1) & ~(to - 1); }
constexpr u64 align_down(u64 value, u64 to) { return value & ~(to - 1); }
constexpr u64 pages_for(u64 bytes) { return (bytes + page_size - 1) >> page_shift; }

/// Base of what must stay where it is.
struct NoCopy {
    NoCopy() = default;
    NoCopy(const NoCopy&) = delete;
    NoCopy& operator=(const NoCopy&) = delete;
};

} // namespace hv
