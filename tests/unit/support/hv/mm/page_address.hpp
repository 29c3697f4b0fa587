// SPDX-License-Identifier: MIT
// Host version: RAM is one block of the test process, at machine frame `host_ram_first`.
#pragma once

#include "core/mm/page_info.hpp"

namespace hv {

inline constexpr u64 host_ram_first = 0x1000, host_ram_frames = 0x2000; // 32 MiB at 16 MiB
inline constexpr u64 max_mfn = host_ram_first + host_ram_frames;
extern PageInfo host_frame_table[host_ram_frames];
extern u8* const host_ram;

inline PageInfo& page_of(Mfn mfn) { return host_frame_table[mfn.raw() - host_ram_first]; }
inline Mfn mfn_of(const PageInfo& page) { return Mfn{host_ram_first + static_cast<u64>(&page - host_frame_table)}; }
inline bool mfn_is_ram(Mfn mfn) {
    return mfn.raw() >= host_ram_first && mfn.raw() < max_mfn &&
           (page_of(mfn).count_.load(Order::relaxed) & PageBits::not_ram) == 0;
}
inline void* map_of(Mfn mfn) { return host_ram + ((mfn.raw() - host_ram_first) << page_shift); }
inline Mfn mfn_of_virt(const void* address) {
    return Mfn{host_ram_first + (static_cast<u64>(static_cast<const u8*>(address) - host_ram) >> page_shift)};
}

} // namespace hv
