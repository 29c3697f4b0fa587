// SPDX-License-Identifier: MIT
// The buddy heap. Free blocks are kept by NUMA node, zone (bit length of the frame number, so that an address limit is
// a limit on the zone), order and content. All its state lives in PageInfo; the heads are frame numbers.
#include "core/domain/domain.hpp"
#include "core/mm/heap_internal.hpp"
#include "lib/string.hpp"
#include "mm/tlb.hpp"

namespace hv {

namespace {

constexpr unsigned max_order = 18, zone_count = 33, max_nodes = 8, contents = 3;
constexpr unsigned content_shift = 52; // of a free block's first page, in count_

struct Zone {
    u32 head[contents][max_order + 1];
    u32 orders[contents]; ///< bit per non-empty list
    u64 pages;
};

SpinLock heap_lock{LockRank::heap};
Zone zones[max_nodes][zone_count];
u64 free_pages_total, all_pages, claimed, pages_with[contents];

struct NodeRange {
    u64 first, end;
    unsigned node;
};
NodeRange node_ranges[64];
unsigned node_range_count, node_count = 1;

unsigned zone_of(u64 mfn) { return mfn == 0 ? 0 : 64 - static_cast<unsigned>(__builtin_clzll(mfn)); }

void list_push(Zone& zone, PageInfo& page, unsigned order, Content content) {
    const unsigned c = static_cast<unsigned>(content);
    frame_list_push(zone.head[c][order], page);
    zone.orders[c] |= 1U << order;
    zone.pages += u64{1} << order;
    pages_with[c] += u64{1} << order;
    const u64 dirty = page.count_.load(Order::relaxed) & PageBits::dirty;
    page.count_.store(dirty | PageBits::free | u64{order} << PageBits::order_shift | u64{c} << content_shift,
                      Order::relaxed);
}

void list_remove(Zone& zone, PageInfo& page, unsigned order, Content content) {
    const unsigned c = static_cast<unsigned>(content);
    frame_list_remove(zone.head[c][order], page);
    if (!zone.head[c][order]) zone.orders[c] &= ~(1U << order);
    zone.pages -= u64{1} << order;
    pages_with[c] -= u64{1} << order;
    page.count_.store(page.count_.load(Order::relaxed) & PageBits::dirty, Order::relaxed);
}

u64 pages_that_are(Content content) { return read_once(pages_with[static_cast<unsigned>(content)]); }

unsigned order_of(const PageInfo& page) {
    return static_cast<unsigned>(page.count_.load(Order::relaxed) >> PageBits::order_shift) & 0xff;
}
Content content_of(const PageInfo& page) {
    return static_cast<Content>((page.count_.load(Order::relaxed) >> content_shift) & 3);
}

/// Clean blocks stay apart until the idle loop has scrubbed their neighbours, or unite_all() mixes everything.
bool may_merge(Content a, Content b) { return (a == Content::clean) == (b == Content::clean); }

void insert_block(u64 mfn, unsigned order, Content content) {
    const unsigned node = heap_node_of(Mfn{mfn});
    Zone& zone = zones[node][zone_of(mfn)];
    for (; order < max_order; ++order) {
        const u64 buddy = mfn ^ (u64{1} << order);
        if (!mfn_is_ram(Mfn{buddy}) || heap_node_of(Mfn{buddy}) != node || zone_of(buddy) != zone_of(mfn)) break;
        PageInfo& other = page_of(Mfn{buddy});
        if (!(other.count_.load(Order::relaxed) & PageBits::free) || order_of(other) != order ||
            !may_merge(content, content_of(other)))
            break;
        if (content != content_of(other)) content = Content::boot;
        list_remove(zone, other, order, content_of(other));
        mfn &= ~(u64{1} << order);
    }
    list_push(zone, page_of(Mfn{mfn}), order, content);
}

PageInfo* take_from_zone(Zone& zone, unsigned order, bool want_clean) {
    static constexpr Content preference[2][contents] = {{Content::boot, Content::dirty, Content::clean},
                                                        {Content::clean, Content::boot, Content::dirty}};
    for (const Content content : preference[want_clean]) {
        const u32 fitting = zone.orders[static_cast<unsigned>(content)] >> order << order;
        if (!fitting) continue;
        unsigned found = static_cast<unsigned>(__builtin_ctz(fitting));
        PageInfo& page = page_of(Mfn{zone.head[static_cast<unsigned>(content)][found]});
        list_remove(zone, page, found, content);
        while (found > order) { // the upper halves go back
            --found;
            list_push(zone, page_of(mfn_of(page) + (u64{1} << found)), found, content);
        }
        return &page;
    }
    return nullptr;
}

PageInfo* take_from_node(unsigned node, unsigned order, unsigned max_zone, bool want_clean) {
    for (unsigned zone = max_zone + 1; zone-- > 0;)
        if (zones[node][zone].pages >> order)
            if (PageInfo* page = take_from_zone(zones[node][zone], order, want_clean)) return page;
    return nullptr;
}

PageInfo* take_locked(unsigned order, const AllocFlags& flags, bool want_clean) {
    const unsigned bits = flags.max_address_bits > page_shift ? flags.max_address_bits - page_shift : 0;
    const unsigned max_zone = bits < zone_count ? bits : zone_count - 1;
    const bool named = flags.node >= 0 && static_cast<unsigned>(flags.node) < node_count;
    if (named) {
        PageInfo* page = take_from_node(static_cast<unsigned>(flags.node), order, max_zone, want_clean);
        if (page || flags.exact_node) return page;
    }
    for (unsigned node = 0; node < node_count; ++node)
        if (PageInfo* page = take_from_node(node, order, max_zone, want_clean)) return page;
    return nullptr;
}

/// Clean and dirty neighbours do not merge; when that is why there is no large block, everything becomes lazily mixed.
void unite_all() {
    for (unsigned at = 0; at < node_count * zone_count; ++at) {
        Zone& zone = zones[at / zone_count][at % zone_count];
        for (const Content content : {Content::clean, Content::dirty})
            while (const u32 orders = zone.orders[static_cast<unsigned>(content)]) {
                const unsigned order = static_cast<unsigned>(__builtin_ctz(orders));
                PageInfo& page = page_of(Mfn{zone.head[static_cast<unsigned>(content)][order]});
                list_remove(zone, page, order, content);
                insert_block(mfn_of(page).raw(), order, Content::boot);
            }
    }
}

/// Somebody's TLB may still translate to these pages from their previous life.
void flush_stale(PageInfo& first, unsigned order) {
    const u32 now = tlb_clock();
    u32 newest = first.tlb_stamp;
    for (u64 i = 1; i < u64{1} << order; ++i)
        if (const u32 stamp = (&first)[i].tlb_stamp; now - stamp < now - newest) newest = stamp;
    CpuMask mask = online_cpus;
    tlb_filter(mask, newest);
    if (!mask.empty()) tlb_flush_mask(mask);
}

} // namespace

unsigned heap_node_of(Mfn mfn) {
    for (unsigned i = 0; i < node_range_count; ++i)
        if (mfn.raw() >= node_ranges[i].first && mfn.raw() < node_ranges[i].end) return node_ranges[i].node;
    return 0;
}

void heap_set_node_range(Mfn first, Mfn end, unsigned node) {
    if (node >= max_nodes || node_range_count == sizeof(node_ranges) / sizeof(node_ranges[0]))
        return; // such memory counts as node 0's
    node_ranges[node_range_count++] = {first.raw(), end.raw(), node};
    node_count = max_of(node_count, node + 1);
}

PageInfo* heap_take(unsigned order, const AllocFlags& flags, Domain* domain, bool want_clean) {
    if (order > max_order) return nullptr;
    const u64 pages = u64{1} << order;
    PageInfo* page;
    {
        const Guard guard(heap_lock);
        const bool own_claim = domain && domain->outstanding_claim >= pages;
        if (!own_claim && free_pages_total < claimed + pages) return nullptr;
        page = take_locked(order, flags, want_clean);
        if (!page && order > 0) {
            unite_all();
            page = take_locked(order, flags, want_clean);
        }
        if (!page) return nullptr;
        free_pages_total -= pages;
        if (domain && domain->outstanding_claim) {
            const u64 used = min_of<u64>(domain->outstanding_claim, pages);
            domain->outstanding_claim -= static_cast<u32>(used);
            claimed -= used;
        }
    }
    flush_stale(*page, order);
    return page;
}

void heap_give(PageInfo& first, unsigned order, Content content) {
    const u32 stamp = tlb_clock();
    const Guard guard(heap_lock);
    for (u64 i = 0; i < u64{1} << order; ++i) {
        PageInfo& page = (&first)[i];
        const u64 was_dirty = page.count_.load(Order::relaxed) & PageBits::dirty;
        page.count_.store(content == Content::clean ? was_dirty : PageBits::dirty, Order::relaxed);
        page.type_.store(0, Order::relaxed);
        page.owner_frame = 0;
        if (content != Content::boot) page.tlb_stamp = stamp;
    }
    free_pages_total += u64{1} << order;
    insert_block(mfn_of(first).raw(), order, content);
}

void heap_add(Mfn first, Mfn end) {
    all_pages += end - first;
    for (u64 mfn = first.raw(); mfn < end.raw();) {
        unsigned order = min_of(mfn ? static_cast<unsigned>(__builtin_ctzll(mfn)) : max_order, max_order);
        while ((u64{1} << order) > end.raw() - mfn ||
               heap_node_of(Mfn{mfn}) != heap_node_of(Mfn{mfn + (u64{1} << order) - 1}))
            --order;
        heap_give(page_of(Mfn{mfn}), order, Content::boot);
        mfn += u64{1} << order;
    }
}

void scrub_block(PageInfo& first, unsigned order) {
    for (u64 i = 0; i < u64{1} << order; ++i) {
        PageInfo& page = (&first)[i];
        if (page.count_.load(Order::relaxed) & PageBits::dirty) {
            clear_page(map_of(page));
            page.count_.store(0, Order::relaxed);
        }
    }
}

bool heap_has_dirty() { return pages_that_are(Content::dirty) != 0; }

bool heap_scrub_some(u64 clean_wanted) {
    constexpr unsigned step_order = 4;
    const Content content = heap_has_dirty() ? Content::dirty : Content::boot;
    const unsigned c = static_cast<unsigned>(content);
    if (!pages_that_are(content)) return false;
    if (content == Content::boot && pages_that_are(Content::clean) >= clean_wanted) return false;
    PageInfo* page = nullptr;
    unsigned order = 0;
    {
        const Guard guard(heap_lock);
        for (unsigned at = node_count * zone_count; at-- > 0 && !page;) { // from the top, as domains take it
            Zone& zone = zones[at / zone_count][at % zone_count];
            if (!zone.orders[c]) continue;
            order = static_cast<unsigned>(__builtin_ctz(zone.orders[c]));
            page = &page_of(Mfn{zone.head[c][order]});
            list_remove(zone, *page, order, content);
            for (; order > step_order; --order)
                list_push(zone, page_of(mfn_of(*page) + (u64{1} << (order - 1))), order - 1, content);
        }
        if (!page) return false;
        // Not to be seen as somebody's: it stays in free_pages_total, since it is free for accounting.
    }
    scrub_block(*page, order);
    const Guard guard(heap_lock);
    insert_block(mfn_of(*page).raw(), order, Content::clean);
    return true;
}

u64 heap_free_pages() { return read_once(free_pages_total); }
u64 heap_total_pages() { return all_pages; }
u64 heap_outstanding_claims() { return read_once(claimed); }

u64 heap_free_pages(unsigned min_bits, unsigned max_bits, int node) {
    const Guard guard(heap_lock);
    u64 pages = 0;
    for (unsigned n = 0; n < node_count; ++n)
        for (unsigned zone = 0; zone < zone_count; ++zone)
            if ((node < 0 || static_cast<unsigned>(node) == n) && zone + page_shift >= min_bits &&
                (max_bits == 0 || zone + page_shift <= max_bits))
                pages += zones[n][zone].pages;
    return pages;
}

Status domain_claim_pages(Domain& domain, u64 pages) {
    const Guard pages_guard(domain.page_alloc_lock);
    const Guard guard(heap_lock);
    if (pages == 0) {
        claimed -= domain.outstanding_claim;
        domain.outstanding_claim = 0;
        return {};
    }
    if (domain.dying.load() != Domain::Dying::no || domain.outstanding_claim || pages < domain.tot_pages ||
        pages > domain.max_pages)
        return Errno::inval;
    const u64 wanted = pages - domain.tot_pages;
    if (wanted > free_pages_total - claimed) return Errno::no_mem;
    domain.outstanding_claim = static_cast<u32>(wanted);
    claimed += wanted;
    return {};
}

} // namespace hv
