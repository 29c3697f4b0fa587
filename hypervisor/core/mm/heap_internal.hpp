// SPDX-License-Identifier: MIT
// Between the files of core/mm only.
#pragma once

#include "core/mm/heap.hpp"

namespace hv {

/// What the pages of a free block may contain.
enum class Content : u8 {
    clean, ///< zeros, every page of it
    boot,  ///< perhaps what the loader or firmware left; the idle loop scrubs some, and all while no CPU has work
    dirty, ///< a domain's or our data; every idle CPU scrubs it
};
/// The buddy heap proper. `domain`: whose claim the pages count against. Pages with PageBits::dirty are not zero.
PageInfo* heap_take(unsigned order, const AllocFlags& flags, Domain* domain, bool want_clean);
/// Per page: `content` clean keeps the PageBits::dirty bit as it is, everything else sets it.
void heap_give(PageInfo& first, unsigned order, Content content);
/// Makes a block that heap_take() returned zero.
void scrub_block(PageInfo& first, unsigned order);
void clear_page(void* page);

/// Lists of pages through PageInfo::next and prev; `head` and they are frame numbers, 0 ends a list.
inline void frame_list_push(u32& head, PageInfo& page) {
    page.prev = 0;
    page.next = head;
    head = static_cast<u32>(mfn_of(page).raw());
    if (page.next) page_of(Mfn{page.next}).prev = head;
}
inline void frame_list_remove(u32& head, PageInfo& page) {
    (page.prev ? page_of(Mfn{page.prev}).next : head) = page.next;
    if (page.next) page_of(Mfn{page.next}).prev = page.prev;
}

} // namespace hv
