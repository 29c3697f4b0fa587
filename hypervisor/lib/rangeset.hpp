// SPDX-License-Identifier: MIT
// A set of u64 kept as sorted, disjoint, inclusive ranges.
#pragma once

#include "lib/result.hpp"
#include "lib/spinlock.hpp"
#include "lib/types.hpp"

namespace hv {

class RangeSet : NoCopy {
  public:
    ~RangeSet();
    Status add(u64 first, u64 last); ///< inclusive; -ENOMEM
    Status remove(u64 first, u64 last);
    [[nodiscard]] bool contains(u64 first, u64 last) const;
    [[nodiscard]] bool contains(u64 value) const { return contains(value, value); }
    [[nodiscard]] bool empty() const { return count_ == 0; }
    /// Calls visit(first, last) in ascending order with the lock held.
    template <typename F> void each(F&& visit) const {
        const IrqGuard guard(lock_);
        for (u32 i = 0; i < count_; ++i)
            visit(ranges_[i].first, ranges_[i].last);
    }

  private:
    struct Range {
        u64 first, last;
    };
    Status reserve(u32 count);
    Range* ranges_ = nullptr;
    u32 count_ = 0;
    u32 capacity_ = 0;
    mutable SpinLock lock_{LockRank::leaf};
};

} // namespace hv
