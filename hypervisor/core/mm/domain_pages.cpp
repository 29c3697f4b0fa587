// SPDX-License-Identifier: MIT
// Pages of domains (quota, list, life and death) and hypervisor pages handed out as such.
#include "core/debug/printk.hpp"
#include "core/domain/domain.hpp"
#include "core/hypercall/table.hpp"
#include "core/mm/heap_internal.hpp"
#include "mm/m2p.hpp"
#include "mm/tlb.hpp"

namespace hv {

namespace {

constexpr u64 type_shared_rw = u64{static_cast<u64>(PageType::writable)} << 60 | u64{1} << 58 | 1; // validated
constexpr u64 type_shared_ro = 1; // type none in use: nobody gets a writable reference

void unlink_page(Domain& domain, PageInfo& page) {
    frame_list_remove(domain.page_list == mfn_of(page).raw() ? domain.page_list : domain.dead_page_list, page);
}

/// page_alloc_lock held. True: it was the last page, which held a reference to the domain.
[[nodiscard]] bool disown(Domain& domain, PageInfo& page) {
    unlink_page(domain, page);
    page.owner_frame = 0;
    return --domain.tot_pages == 0;
}

/// Whoever drops the last general reference has dropped every type reference and pin before.
[[maybe_unused]] bool page_unused(const PageInfo& page) { return (page.type_.load() & ~(u64{0xf} << 60)) == 0; }

/// Debug builds: what others still hold of a dead domain are mappings, never page tables or descriptors.
void check_given_up([[maybe_unused]] Domain& domain) {
#ifdef HV_DEBUG
    for (u32 at = domain.dead_page_list; at; at = page_of(Mfn{at}).next) {
        const PageInfo& page = page_of(Mfn{at});
        if (page_type_count(page) && page_type(page) != PageType::writable)
            log_error("d{}: frame {:x} is left with type {:x}, {:x} references", domain.id, at, page.type_.load(),
                      page.count_.load());
    }
#endif
}

Status assign_block(Domain& domain, PageInfo& first, unsigned order, bool ignore_quota) {
    const u64 pages = u64{1} << order;
    const Guard guard(domain.page_alloc_lock);
    if (domain.dying.load() != Domain::Dying::no) return Errno::inval;
    if (!ignore_quota && (domain.tot_pages > domain.max_pages || domain.max_pages - domain.tot_pages < pages))
        return Errno::too_big;
    if (domain.tot_pages == 0) domain.refs.fetch_add(1);
    domain.tot_pages += static_cast<u32>(pages);
    // From the last page backwards, so that the list starts with the first.
    for (u64 i = pages; i-- > 0;) {
        PageInfo& page = (&first)[i];
        page.owner_frame = static_cast<u32>(mfn_of_virt(&domain).raw());
        page.type_.store(0, Order::relaxed);
        frame_list_push(domain.page_list, page);
        page.count_.store(PageBits::allocated | 1, Order::release);
    }
    return {};
}

} // namespace

void clear_page(void* page) {
    u64* at = static_cast<u64*>(page);
    for (unsigned i = 0; i < page_size / sizeof(u64); i += 8) {
        write_once(at[i], 0), write_once(at[i + 1], 0), write_once(at[i + 2], 0), write_once(at[i + 3], 0);
        write_once(at[i + 4], 0), write_once(at[i + 5], 0), write_once(at[i + 6], 0), write_once(at[i + 7], 0);
    }
}

PageInfo* heap_alloc(unsigned order, const AllocFlags& flags) {
    PageInfo* page = heap_take(order, flags, nullptr, false);
    for (u64 i = 0; page && i < u64{1} << order; ++i)
        page[i].count_.store(0, Order::relaxed);
    return page;
}
void heap_free(PageInfo& first, unsigned order) { heap_give(first, order, Content::dirty); }

void* alloc_pages(unsigned order) {
    PageInfo* page = heap_take(order, {}, nullptr, true);
    if (!page) return nullptr;
    scrub_block(*page, order);
    return map_of(*page);
}

void free_pages(void* address, unsigned order) {
    if (!address) return;
    PageInfo& page = page_of(mfn_of_virt(address));
    if (order == 0 && (page.count_.load() & PageBits::allocated)) return domain_release_page(page);
    heap_free(page, order);
}

Result<PageInfo*> domain_alloc_pages(Domain& domain, unsigned order, const AllocFlags& flags) {
    PageInfo* page = heap_take(order, flags, &domain, !flags.no_scrub);
    if (!page) return Errno::no_mem;
    if (!flags.no_scrub) scrub_block(*page, order);
    for (u64 i = 0; i < u64{1} << order; ++i)
        page[i].count_.store(0, Order::relaxed);
    if (flags.no_ref) return page;
    if (const Status assigned = assign_block(domain, *page, order, false); !assigned) {
        heap_give(*page, order, flags.no_scrub ? Content::dirty : Content::clean);
        return assigned.error();
    }
    return page;
}

Status domain_assign_page(Domain& domain, PageInfo& page, bool ignore_quota) {
    return assign_block(domain, page, 0, ignore_quota);
}

Status domain_steal_page(Domain& domain, PageInfo& page) {
    bool last;
    {
        const Guard guard(domain.page_alloc_lock);
        u64 idle = PageBits::allocated | 1;
        if (owner_of(page) != &domain || domain.dying.load() != Domain::Dying::no ||
            !page.count_.compare_exchange(idle, 0))
            return Errno::busy;
        HV_ASSERT(page_unused(page));
        page.type_.store(0);
        last = disown(domain, page);
    }
    page.tlb_stamp = tlb_clock();
    m2p_set(mfn_of(page), invalid_m2p_entry);
    if (last) domain_put(domain);
    return {};
}

void domain_release_page(PageInfo& page) {
    const u64 old = page.count_.fetch_and(~PageBits::allocated);
    if (!(old & PageBits::allocated)) return;
    if (old & PageBits::hypervisor) { // the owner may go before the last user does
        Domain& domain = *owner_of(page);
        const Guard guard(domain.page_alloc_lock);
        --domain.hv_pages;
        page.owner_frame = 0;
    }
    page_put(page);
}

void page_free_last(PageInfo& page) {
    Domain* owner = owner_of(page);
    bool last = false;
    if (owner) {
        HV_ASSERT(page_unused(page));
        const Guard guard(owner->page_alloc_lock);
        last = disown(*owner, page);
    }
    m2p_set(mfn_of(page), invalid_m2p_entry);
    heap_free(page, 0);
    if (last) domain_put(*owner);
}

void share_hypervisor_page(void* address, Domain& domain, ShareMode mode) {
    PageInfo& page = page_of(mfn_of_virt(address));
    {
        const Guard guard(domain.page_alloc_lock);
        ++domain.hv_pages;
    }
    page.owner_frame = static_cast<u32>(mfn_of_virt(&domain).raw());
    page.type_.store(mode == ShareMode::read_write ? type_shared_rw : type_shared_ro);
    page.count_.store(PageBits::allocated | PageBits::hypervisor | 1, Order::release);
}

Status domain_relinquish_memory(Domain& domain) {
    for (;;) {
        PageInfo* page;
        {
            const Guard guard(domain.page_alloc_lock);
            if (!domain.page_list) {
                check_given_up(domain);
                return {};
            }
            page = &page_of(Mfn{domain.page_list});
        }
        if (!page_get(*page, domain)) { // its last reference goes on another CPU just now
            cpu_relax();
            continue;
        }
        const Status released = page_relinquish(*page);
        if (released) {
            domain_release_page(*page);
            const Guard guard(domain.page_alloc_lock);
            unlink_page(domain, *page);
            frame_list_push(domain.dead_page_list, *page);
        }
        page_put(*page);
        if (!released) return released;
        if (hypercall_preempt_check()) return Errno::restart;
    }
}

} // namespace hv
