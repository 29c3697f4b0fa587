// SPDX-License-Identifier: MIT
#include "mm/early.hpp"

#include "lib/string.hpp"

namespace hv {

void FrameRanges::insert(u32 at, FrameRange range) {
    if (range.first >= range.end || count_ == sizeof(ranges_) / sizeof(ranges_[0])) return;
    memmove(&ranges_[at + 1], &ranges_[at], (count_ - at) * sizeof(FrameRange));
    ranges_[at] = range;
    ++count_;
}

void FrameRanges::add(u64 first, u64 end) {
    remove(first, end); // overlaps count once
    u32 at = 0;
    while (at < count_ && ranges_[at].first < first)
        ++at;
    insert(at, {first, end});
}

void FrameRanges::remove(u64 first, u64 end) {
    for (u32 i = 0; i < count_; ++i) {
        const FrameRange old = ranges_[i];
        if (old.end <= first || old.first >= end) continue;
        memmove(&ranges_[i], &ranges_[i + 1], (count_ - i - 1) * sizeof(FrameRange));
        --count_;
        insert(i, {max_of(end, old.first), old.end});
        insert(i, {old.first, min_of(first, old.end)});
        if (old.first >= first) --i; // the place now holds what followed (or nothing): look at it again
    }
}

Mfn FrameRanges::take(u64 pages, u64 align, u64 limit) {
    for (u32 i = count_; i-- > 0;) {
        const u64 end = min_of(ranges_[i].end, limit);
        if (end < ranges_[i].first + pages) continue;
        const u64 first = align_down(end - pages, align);
        if (first < ranges_[i].first) continue;
        remove(first, first + pages);
        return Mfn{first};
    }
    return invalid_mfn;
}

u64 FrameRanges::pages() const {
    u64 sum = 0;
    for (u32 i = 0; i < count_; ++i)
        sum += ranges_[i].end - ranges_[i].first;
    return sum;
}

} // namespace hv
