// SPDX-License-Identifier: MIT
// Addresses for device memory and the like, between vmap_start and vmap_end.
#include "core/mm/page.hpp"
#include "lib/spinlock.hpp"
#include "lib/string.hpp"
#include "mm/early.hpp"
#include "mm/hv_pagetable.hpp"
#include "mm/layout.hpp"

namespace hv {

namespace {

SpinLock space_lock{LockRank::leaf};
FrameRanges space; // free page numbers of the area
bool space_ready;

/// `like`: an address modulo 2 MiB that ours should share, so that large pages fit. 0: no room.
u64 take_space(u64 pages, u64 like) {
    constexpr u64 large = 512;
    const Guard guard(space_lock);
    if (!space_ready) {
        space.add(vmap_start >> page_shift, vmap_end >> page_shift);
        space_ready = true;
    }
    const u64 shift = pages >= large ? (like >> page_shift) % large : 0;
    // One page stays unmapped behind each area: an overrun faults.
    const Mfn first = space.take(pages + shift + 1, pages >= large ? large : 1, ~u64{0});
    if (first == invalid_mfn) return 0;
    space.add(first.raw(), first.raw() + shift);
    return (first.raw() + shift) << page_shift;
}

void give_space(u64 address, u64 pages) {
    const Guard guard(space_lock);
    space.add(address >> page_shift, (address >> page_shift) + pages + 1);
}

} // namespace

void* ioremap(u64 maddr, u64 bytes) {
    const u64 offset = maddr & ~page_mask;
    const u64 pages = pages_for(offset + bytes);
    if (bytes == 0 || maddr + bytes < maddr) return nullptr;
    const u64 address = take_space(pages, maddr);
    if (!address) return nullptr;
    if (!hv_map(address, Mfn{maddr >> page_shift}, pages, HvMap::uncached)) {
        hv_unmap(address, pages);
        give_space(address, pages);
        return nullptr;
    }
    return reinterpret_cast<void*>(address + offset);
}

void iounmap(void* address, u64 bytes) {
    const u64 at = reinterpret_cast<u64>(address);
    const u64 pages = pages_for((at & ~page_mask) + bytes);
    hv_unmap(at & page_mask, pages);
    give_space(at & page_mask, pages);
}

} // namespace hv
