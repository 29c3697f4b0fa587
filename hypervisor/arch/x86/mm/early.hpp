// SPDX-License-Identifier: MIT
// RAM before the heap: a list of free ranges, taken from the top so that the scarce low memory stays for devices.
#pragma once

#include "lib/frame.hpp"

namespace hv {

struct FrameRange {
    u64 first, end; ///< frames, end exclusive
};

/// A sorted set of disjoint ranges of a fixed capacity; what does not fit is dropped (memory lost, never misused).
class FrameRanges {
  public:
    void add(u64 first, u64 end);
    void remove(u64 first, u64 end);
    /// Takes `pages` frames, aligned, ending at or below `limit`, from the highest place. invalid_mfn: none.
    Mfn take(u64 pages, u64 align, u64 limit);
    [[nodiscard]] u32 count() const { return count_; }
    const FrameRange& operator[](u32 i) const { return ranges_[i]; }
    [[nodiscard]] u64 pages() const;

  private:
    void insert(u32 at, FrameRange range);
    FrameRange ranges_[512];
    u32 count_ = 0;
};

/// Zeroed frames. Until the final direct map is loaded only memory that head.S mapped is handed out.
Mfn early_alloc(u64 pages, u64 align);
bool early_memory_active();

} // namespace hv
