// SPDX-License-Identifier: MIT
// One entry of a guest's L1 table, held so that it stays one, and the one way to change it.
#pragma once

#include "pv/page_type.hpp"

namespace hv {

class [[nodiscard]] L1Slot {
  public:
    /// The entry that maps `address` for the vCPU's kernel; -EINVAL: there is no L1 table for it.
    static Result<L1Slot> of_address(const Vcpu& vcpu, u64 address);
    /// The entry at machine address `entry`, in a page of `owner`.
    static Result<L1Slot> at(u64 entry, const Domain& owner);
    u64* operator*() const { return entry_; }

  private:
    L1Slot(PageInfo& page, u64* entry) : page_(page), entry_(entry) {}
    TypedPageRef page_;
    u64* entry_;
};

/// Entry of level `stop` on the way to `address`, 0 when the way ends before. Takes no references: the answer may be
/// stale, its frame is to be checked.
u64 pv_walk_to(Mfn l4, u64 address, unsigned stop);

/// Checks `value`, takes its references, stores it and drops those of the value that it replaces. `expected`: only if
/// that is there still (-EAGAIN).
Status l1_update(u64* slot, u64 value, Domain& owner, Domain& frames, bool keep_accessed_dirty,
                 const u64* expected = nullptr);

} // namespace hv
