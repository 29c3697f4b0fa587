// SPDX-License-Identifier: MIT
#pragma once

#include "lib/types.hpp"

namespace hv {

/// Writes the lines of [from, from + bytes) back to memory. 64 bytes is the line size of every 64-bit CPU.
inline void cache_clean(const void* from, u64 bytes) {
    const u64 start = reinterpret_cast<u64>(from);
    for (u64 line = align_down(start, 64); line < start + bytes; line += 64)
        asm volatile("clflush %0" ::"m"(*reinterpret_cast<const u8*>(line)) : "memory");
    asm volatile("mfence" ::: "memory");
}

} // namespace hv
