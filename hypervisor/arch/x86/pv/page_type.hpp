// SPDX-License-Identifier: MIT
// Page types of PV guests, for the files of arch/x86/pv only. "Locked" functions want the pv_mm lock of the pages'
// owner.
//
// Life of a page-table page (type_): none -> [validate] -> validated, n references -> [invalidate] -> typed, 0
// references. While validated every present entry holds a reference of its own: L1 entries a general one (and a
// writable type reference when they allow writing), entries above a general and a type reference to a table one level
// down. A table cannot refer to its own level, so references form no cycles and dropping the roots frees everything.
// Validation and invalidation can stop halfway when preempted. Then the page is "partial": it has no type reference,
// but entries [0, validated) still hold theirs, so its type cannot change before somebody finishes the job; the partial
// state itself owns one general reference. get resumes upwards from there, page_finish_put() downwards. partial_entry
// says that the table behind entry [validated] may be partial by the same operation.
#pragma once

#include "core/domain/domain.hpp"
#include "mm/pte.hpp"

namespace hv {

struct TypeBits {
    static constexpr u64 pinned = u64{1} << 59, validated = u64{1} << 58, partial = u64{1} << 57, count = 0xffffffff;
    static constexpr unsigned shift = 60;
};
constexpr u64 type_bits(PageType type) { return static_cast<u64>(type) << TypeBits::shift; }
constexpr PageType type_of(u64 bits) { return static_cast<PageType>(bits >> TypeBits::shift); }
constexpr bool is_table(PageType type) { return type >= PageType::l1 && type <= PageType::l4; }
constexpr unsigned level_of(PageType type) { return static_cast<unsigned>(type); }
constexpr PageType table_type(unsigned level) { return static_cast<PageType>(level); }
/// May a guest fill this slot of a table of `level`?
constexpr bool guest_slot(unsigned level, unsigned slot) { return level < 4 || slot < 256 || slot > 271; }

Status page_get_type_locked(PageInfo& page, PageType type, bool preemptible);
Status page_put_type_locked(PageInfo& page, bool preemptible);
/// For an entry of a table that is being validated: the table above remembers what a failure leaves behind.
Status page_get_type_below(PageInfo& page, PageType type, bool preemptible);
/// One more type reference if the page is a validated `type` already; takes no lock.
bool page_get_validated(PageInfo& page, PageType type);

// --- entries (page_entry.cpp). `owner` has the table; `frames`: whose frames the entry may name (usually the same)
// ------
/// What the guest's value becomes: user bit set (PV kernels run in ring 3), never global.
u64 fix_entry(u64 raw);
/// Takes the references of a fixed entry. -EINVAL not allowed, -EPERM device memory without permission, -ERESTART.
Status l1e_get(L1e entry, Domain& owner, Domain& frames);
void l1e_put(L1e entry);
bool l1_flags_ok(L1e entry, const Domain& owner);
Status table_entry_get(unsigned level, u64 raw, Domain& owner, bool preemptible);
Status table_entry_put(u64 raw, bool preemptible);

/// A table left partial by an operation of the current vCPU that cannot restart: finished before its next one.
void note_old_table(PageInfo& page);

} // namespace hv
