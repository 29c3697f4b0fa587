// SPDX-License-Identifier: MIT
#include "lib/rangeset.hpp"

#include "core/mm/heap.hpp"

namespace hv {

RangeSet::~RangeSet() { kfree(ranges_); }

/// Makes room for `count` ranges. The lock is not held: allocation takes locks of lower rank.
Status RangeSet::reserve(u32 count) {
    if (count <= capacity_) return {};
    const u32 capacity = count < 8 ? 8 : count * 2;
    auto* bigger = static_cast<Range*>(kmalloc(capacity * sizeof(Range)));
    if (!bigger) return Errno::no_mem;
    Range* old = nullptr;
    {
        const IrqGuard guard(lock_);
        if (capacity > capacity_) {
            for (u32 i = 0; i < count_; ++i)
                bigger[i] = ranges_[i];
            old = ranges_;
            ranges_ = bigger;
            capacity_ = capacity;
        } else {
            old = bigger;
        }
    }
    kfree(old);
    return {};
}

Status RangeSet::add(u64 first, u64 last) {
    if (first > last) return Errno::inval;
    for (;;) {
        TRY(reserve(read_once(count_) + 1));
        const IrqGuard guard(lock_);
        if (count_ == capacity_) continue; // somebody else added meanwhile
        u32 at = 0;
        while (at < count_ && first != 0 && ranges_[at].last < first - 1)
            ++at;
        // Everything from `at` to `end` touches or overlaps the new range: one range takes their place.
        u32 end = at;
        while (end < count_ && (last == ~u64{0} || ranges_[end].first <= last + 1)) {
            first = ranges_[end].first < first ? ranges_[end].first : first;
            last = ranges_[end].last > last ? ranges_[end].last : last;
            ++end;
        }
        if (end == at) {
            for (u32 i = count_; i > at; --i)
                ranges_[i] = ranges_[i - 1];
            ++count_;
        } else {
            for (u32 i = end; i < count_; ++i)
                ranges_[i - (end - at) + 1] = ranges_[i];
            count_ -= end - at - 1;
        }
        ranges_[at] = {first, last};
        return {};
    }
}

Status RangeSet::remove(u64 first, u64 last) {
    if (first > last) return Errno::inval;
    for (;;) {
        TRY(reserve(read_once(count_) + 1));
        const IrqGuard guard(lock_);
        if (count_ == capacity_) continue;
        u32 kept = 0;
        for (u32 i = 0; i < count_; ++i) {
            const Range range = ranges_[i];
            if (range.last < first || range.first > last) {
                ranges_[kept++] = range;
                continue;
            }
            if (range.first < first && range.last > last) { // split: the only case that grows
                for (u32 j = count_; j > i + 1; --j)
                    ranges_[j] = ranges_[j - 1];
                ranges_[i] = {range.first, first - 1};
                ranges_[i + 1] = {last + 1, range.last};
                ++count_;
                return {};
            }
            if (range.first < first)
                ranges_[kept++] = {range.first, first - 1};
            else if (range.last > last)
                ranges_[kept++] = {last + 1, range.last};
        }
        count_ = kept;
        return {};
    }
}

bool RangeSet::contains(u64 first, u64 last) const {
    const IrqGuard guard(lock_);
    for (u32 i = 0; i < count_; ++i)
        if (ranges_[i].first <= first && last <= ranges_[i].last) return first <= last;
    return false;
}

} // namespace hv
