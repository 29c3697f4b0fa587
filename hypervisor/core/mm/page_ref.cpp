// SPDX-License-Identifier: MIT
// General references.
#include "core/domain/domain.hpp"
#include "core/mm/heap.hpp"
#include "core/mm/heap_internal.hpp"

namespace hv {

namespace {

/// One more reference, provided that there is one already.
bool count_up(PageInfo& page) {
    u64 seen = page.count_.load(Order::relaxed);
    do {
        const u64 refs = seen & PageBits::refs;
        if (refs == 0 || refs == PageBits::refs) return false;
    } while (!page.count_.compare_exchange(seen, seen + 1, Order::acquire));
    return true;
}

} // namespace

bool page_get(PageInfo& page, const Domain& owner) {
    if (!count_up(page)) return false;
    if (owner_of(page) == &owner) [[likely]]
        return true;
    page_put(page);
    return false;
}

bool page_get_owner(PageInfo& page, Domain*& owner) {
    if (!count_up(page)) return false;
    owner = owner_of(page);
    if (owner) return true;
    page_put(page);
    return false;
}

void page_put(PageInfo& page) {
    const u64 old = page.count_.fetch_sub(1, Order::acq_rel);
    HV_ASSERT((old & PageBits::refs) != 0);
    if ((old & PageBits::refs) == 1) [[unlikely]]
        page_free_last(page);
}

Result<PageRef> PageRef::take(Mfn mfn, const Domain& owner) {
    if (!mfn_is_ram(mfn) || !page_get(page_of(mfn), owner)) return Errno::inval;
    return adopt(page_of(mfn));
}

Result<TypedPageRef> TypedPageRef::take(Mfn mfn, const Domain& owner, PageType type) {
    PageRef ref = TRY(PageRef::take(mfn, owner));
    if (const Status got = page_get_type(*ref, type); !got) return got.error();
    return adopt(ref.release());
}

} // namespace hv
