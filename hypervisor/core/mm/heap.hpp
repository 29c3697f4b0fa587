// SPDX-License-Identifier: MIT
// Allocation: the buddy heap (pages), domain pages with quota, and small objects.
#pragma once

#include <new>
#include <utility>

#include "core/mm/page.hpp"

namespace hv {

struct AllocFlags {
    unsigned max_address_bits = 64; ///< every page below 2^bits
    int node = -1;                  ///< preferred NUMA node
    bool exact_node = false;
    bool no_ref = false;   ///< domain pages: not owned yet; domain_assign_page() follows
    bool no_scrub = false; ///< contents will be overwritten by the hypervisor at once
};

/// 2^order contiguous pages owned by nobody; contents undefined. nullptr when there are none.
PageInfo* heap_alloc(unsigned order, const AllocFlags& flags = {});
/// They are scrubbed before a domain gets them.
void heap_free(PageInfo& first, unsigned order);
u64 heap_free_pages();
u64 heap_free_pages(unsigned min_bits, unsigned max_bits, int node);
u64 heap_total_pages();
/// Hands a range of RAM to the heap (boot). Marks where each NUMA node's memory lies come first.
void heap_add(Mfn first, Mfn end);
void heap_set_node_range(Mfn first, Mfn end, unsigned node);
unsigned heap_node_of(Mfn mfn);
/// Scrubs a few free pages; false when none is left to scrub. For the idle loop. What domains left comes first, then
/// the machine's first memory until `clean_wanted` pages are clean.
bool heap_scrub_some(u64 clean_wanted);
/// That many while others have work: the next domain finds some, and dom0 keeps the memory's bandwidth (or the
/// emulator's time) to boot with, which writing all of it takes.
inline constexpr u64 heap_clean_reserve = (u64{64} << 20) >> page_shift;
bool heap_has_dirty();
void heap_keys_register();

/// Zeroed hypervisor pages through the direct map. free_pages() of a shared page (below) waits for its last reference.
void* alloc_pages(unsigned order = 0);
void free_pages(void* address, unsigned order = 0);

/// Pages for `domain` (scrubbed), within its max_pages, on its page list, with the allocation reference set.
Result<PageInfo*> domain_alloc_pages(Domain& domain, unsigned order, const AllocFlags& flags = {});
/// Drops the allocation reference (once): the page goes back to the heap when nothing refers to it any more.
void domain_release_page(PageInfo& page);
/// Moves an unowned page (allocated with no_ref, or stolen) to `domain`, respecting the quota unless told otherwise.
Status domain_assign_page(Domain& domain, PageInfo& page, bool ignore_quota = false);
/// Takes a page away from its owner: only when nothing but its allocation refers to it (-EBUSY). It is unowned then:
/// assign it to somebody or heap_free() it.
Status domain_steal_page(Domain& domain, PageInfo& page);
/// XENMEM_claim_pages: `pages` in all, current ones included; 0 cancels. -ENOMEM, -EINVAL.
Status domain_claim_pages(Domain& domain, u64 pages);
u64 heap_outstanding_claims();
/// Unpins every page of a dying domain and drops its allocation reference; preemptible.
Status domain_relinquish_memory(Domain& domain);
/// Makes a hypervisor page visible to guests (shared info, grant frames...): owner = domain, type writable or none.
/// free_pages() and domain_release_page() end it: the page is freed with the last reference.
enum class ShareMode { read_write, read_only };
void share_hypervisor_page(void* page, Domain& domain, ShareMode mode);

/// Small objects, zeroed; nullptr when out of memory. Alignment 16 (page-aligned from one page up).
void* kmalloc(usize bytes);
void kfree(void* object);

/// Least order of a block of `bytes`.
constexpr unsigned order_for(u64 bytes) {
    unsigned order = 0;
    while ((page_size << order) < bytes)
        ++order;
    return order;
}

template <typename T, typename... Args> T* make(Args&&... args) {
    void* memory = kmalloc(sizeof(T));
    return memory ? ::new (memory) T(std::forward<Args>(args)...) : nullptr;
}
template <typename T> void destroy(T* object) {
    if (!object) return;
    object->~T();
    kfree(object);
}

} // namespace hv
