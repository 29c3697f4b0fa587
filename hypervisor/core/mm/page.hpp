// SPDX-License-Identifier: MIT
// The two references to a page that the security of PV rests on:
//  * PageRef      - "this page belongs to that domain and will not be freed" (general reference)
//  * TypedPageRef - additionally "it is used as a T", where types exclude each other: a page that is a page table or
//                   descriptor page has no writable mapping, and the other way round.
// A page's type can change only when its type count is zero.
#pragma once

#include "core/mm/page_info.hpp"
#include "lib/assert.hpp"
#include "lib/held.hpp"
#include "lib/ids.hpp"
#include "lib/result.hpp"

// page_of, mfn_of, mfn_is_ram, map_of, mfn_of_virt: inline, by the architecture (the host tests have their own).
#include "mm/page_address.hpp"

namespace hv {

template <typename T> T* map_as(Mfn mfn) { return static_cast<T*>(map_of(mfn)); }
inline void* map_of(const PageInfo& page) { return map_of(mfn_of(page)); }

inline Domain* owner_of(const PageInfo& page) {
    return page.owner_frame ? map_as<Domain>(Mfn{page.owner_frame}) : nullptr;
}

// --- references ----------------------------------------------------------------------------------------------------
/// Frees a page whose last reference has gone.
void page_free_last(PageInfo& page);

/// One more reference, provided that there is one already.
inline bool page_count_up(PageInfo& page) {
    u64 seen = page.count_.load(Order::relaxed);
    do {
        const u64 refs = seen & PageBits::refs;
        if (refs == 0 || refs == PageBits::refs) return false;
    } while (!page.count_.compare_exchange(seen, seen + 1, Order::acquire));
    return true;
}

/// Unpaired low-level operations, for code that stores references in page-table entries. Prefer the RAII types.
inline void page_put(PageInfo& page) {
    const u64 old = page.count_.fetch_sub(1, Order::acq_rel);
    HV_ASSERT((old & PageBits::refs) != 0);
    if ((old & PageBits::refs) == 1) [[unlikely]]
        page_free_last(page);
}
[[nodiscard]] inline bool page_get(PageInfo& page, const Domain& owner) {
    if (!page_count_up(page)) return false;
    if (owner_of(page) == &owner) [[likely]]
        return true;
    page_put(page);
    return false;
}
/// Of whoever owns it.
[[nodiscard]] inline bool page_get_owner(PageInfo& page, Domain*& owner) {
    if (!page_count_up(page)) return false;
    owner = owner_of(page);
    if (owner) return true;
    page_put(page);
    return false;
}

class PageRef : public Held<PageInfo, page_put> {
  public:
    using Held::Held;
    /// Fails with -EINVAL when the frame is not RAM or not owned by `owner`.
    static Result<PageRef> take(Mfn mfn, const Domain& owner) {
        if (!mfn_is_ram(mfn) || !page_get(page_of(mfn), owner)) return Errno::inval;
        return adopt(page_of(mfn));
    }
    static PageRef adopt(PageInfo& page) { return PageRef(page); }
    [[nodiscard]] Mfn mfn() const { return mfn_of(**this); }
};

inline PageType page_type(const PageInfo& page) { return static_cast<PageType>(page.type_.load(Order::relaxed) >> 60); }
inline u32 page_type_count(const PageInfo& page) { return static_cast<u32>(page.type_.load(Order::relaxed)); }

/// Takes / drops one type reference; page-table types validate the page's contents on the first one. The caller holds
/// a general reference. Not to be called with the owner's pv_mm lock held.
/// get: -EINVAL wrong type in use or invalid contents; -ERESTART preempted, no reference was taken: call again.
/// put: the reference is gone in any case; -ERESTART: page_finish_put() has to follow until it succeeds.
Status page_get_type(PageInfo& page, PageType type, bool preemptible = false);
Status page_put_type(PageInfo& page, bool preemptible = false);
Status page_finish_put(PageInfo& page, bool preemptible = false);
/// The owner is dying: drops the pin and whatever a preempted operation left in the page; preemptible.
Status page_relinquish(PageInfo& page);

inline void page_put_typed(PageInfo& page) {
    static_cast<void>(page_put_type(page));
    page_put(page);
}

/// General + type reference, e.g. a writable mapping held by the hypervisor.
class TypedPageRef : public Held<PageInfo, page_put_typed> {
  public:
    using Held::Held;
    static Result<TypedPageRef> take(Mfn mfn, const Domain& owner, PageType type) {
        PageRef ref = TRY(PageRef::take(mfn, owner));
        if (const Status got = page_get_type(*ref, type); !got) return got.error();
        return adopt(ref.release());
    }
    static TypedPageRef adopt(PageInfo& page) { return TypedPageRef(page); }
    [[nodiscard]] Mfn mfn() const { return mfn_of(**this); }
};

} // namespace hv
