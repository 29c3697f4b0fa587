// SPDX-License-Identifier: MIT
// Frames, their PageInfo and their direct-map address. Included by core/mm/page.hpp only; the host tests bring their
// own.
#pragma once

#include "core/mm/page_info.hpp"
#include "mm/layout.hpp"

namespace hv {

/// The frame table is mapped in chunks of one 2 MiB page each: 65536 records, 256 MiB of address space.
inline constexpr unsigned frame_chunk_shift = 16;
inline constexpr u64 max_frame_chunks = (direct_map_end - direct_map_start) >> (page_shift + frame_chunk_shift);
extern u64 frame_chunk_map[max_frame_chunks / 64];
extern u64 max_mfn; ///< one behind the highest RAM frame

inline PageInfo& page_of(Mfn mfn) { return reinterpret_cast<PageInfo*>(frametable_start)[mfn.raw()]; }
inline Mfn mfn_of(const PageInfo& page) {
    return Mfn{(reinterpret_cast<u64>(&page) - frametable_start) / sizeof(PageInfo)};
}
/// There is memory of ours behind it (and a PageInfo). False for holes, MMIO and the first MiB.
inline bool mfn_is_ram(Mfn mfn) {
    const u64 chunk = mfn.raw() >> frame_chunk_shift;
    return mfn.raw() < max_mfn && ((frame_chunk_map[chunk / 64] >> (chunk % 64)) & 1) != 0 &&
           (page_of(mfn).count_.load(Order::relaxed) & PageBits::not_ram) == 0;
}
inline void* map_of(Mfn mfn) { return direct_map(mfn.raw() << page_shift); }
inline Mfn mfn_of_virt(const void* address) {
    return Mfn{(reinterpret_cast<u64>(address) - direct_map_start) >> page_shift};
}

} // namespace hv
