// SPDX-License-Identifier: MIT
// Small objects in size classes. A slab is one page; its state is in the page's PageInfo: type_ holds class, objects in
// use and the first free one, prev/next link the slabs of a class that have room.
#include "core/mm/heap_internal.hpp"
#include "lib/spinlock.hpp"
#include "lib/string.hpp"

namespace hv {

namespace {

constexpr u16 class_size[] = {16, 32, 48, 64, 96, 128, 192, 256, 336, 448, 576, 816, 1024, 1360, 2048};
constexpr unsigned class_count = sizeof(class_size) / sizeof(class_size[0]);
constexpr u64 is_slab = u64{1} << 63;
constexpr u16 no_object = 0xffff;

struct SlabState { // as packed into PageInfo::type_
    u16 used, first_free, cls;
    static SlabState of(const PageInfo& page) {
        const u64 raw = page.type_.load(Order::relaxed);
        return {static_cast<u16>(raw), static_cast<u16>(raw >> 16), static_cast<u16>(raw >> 32)};
    }
    void put(PageInfo& page) const {
        page.type_.store(is_slab | u64{cls} << 32 | u64{first_free} << 16 | used, Order::relaxed);
    }
};

SpinLock slab_lock{LockRank::slab};
u32 with_room[class_count];

unsigned class_of(usize bytes) {
    unsigned cls = 0;
    while (class_size[cls] < bytes)
        ++cls;
    return cls;
}

void link(u32& head, PageInfo& page) {
    page.prev = 0;
    page.next = head;
    if (head) page_of(Mfn{head}).prev = static_cast<u32>(mfn_of(page).raw());
    head = static_cast<u32>(mfn_of(page).raw());
}
void unlink(u32& head, PageInfo& page) {
    (page.prev ? page_of(Mfn{page.prev}).next : head) = page.next;
    if (page.next) page_of(Mfn{page.next}).prev = page.prev;
}

/// slab_lock held.
bool add_slab(unsigned cls) {
    PageInfo* page = heap_alloc(0);
    if (!page) return false;
    u8* base = static_cast<u8*>(map_of(*page));
    const u16 size = class_size[cls];
    for (unsigned at = 0; at + size <= page_size; at += size)
        *reinterpret_cast<u16*>(base + at) = static_cast<u16>(at + 2 * size <= page_size ? at + size : no_object);
    SlabState{0, 0, static_cast<u16>(cls)}.put(*page);
    link(with_room[cls], *page);
    return true;
}

} // namespace

void* kmalloc(usize bytes) {
    if (bytes > class_size[class_count - 1]) {
        unsigned order = 0;
        while ((page_size << order) < bytes)
            ++order;
        void* memory = alloc_pages(order);
        if (memory) page_of(mfn_of_virt(memory)).type_.store(order, Order::relaxed);
        return memory;
    }
    const unsigned cls = class_of(bytes);
    u8* object;
    {
        const Guard guard(slab_lock);
        if (!with_room[cls] && !add_slab(cls)) return nullptr;
        PageInfo& page = page_of(Mfn{with_room[cls]});
        SlabState state = SlabState::of(page);
        object = static_cast<u8*>(map_of(page)) + state.first_free;
        state.first_free = *reinterpret_cast<u16*>(object);
        ++state.used;
        state.put(page);
        if (state.first_free == no_object) unlink(with_room[cls], page);
    }
    return memset(object, 0, class_size[cls]);
}

void kfree(void* object) {
    if (!object) return;
    PageInfo& page = page_of(mfn_of_virt(object));
    const u64 raw = page.type_.load(Order::relaxed);
    if (!(raw & is_slab)) return free_pages(object, static_cast<unsigned>(raw));
    const Guard guard(slab_lock);
    SlabState state = SlabState::of(page);
    const bool was_full = state.first_free == no_object;
    *static_cast<u16*>(object) = state.first_free;
    state.first_free = static_cast<u16>(reinterpret_cast<u64>(object) & (page_size - 1));
    --state.used;
    state.put(page);
    if (was_full) link(with_room[state.cls], page);
    // One empty slab per class stays, so that a lone object does not make the page come and go.
    if (state.used == 0 && (page.prev || page.next)) {
        unlink(with_room[state.cls], page);
        heap_free(page, 0);
    }
}

} // namespace hv
