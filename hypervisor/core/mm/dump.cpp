// SPDX-License-Identifier: MIT
// Debug key 'm': the heap by node and zone, and every domain's pages.
#include "core/debug/keyhandler.hpp"
#include "core/debug/printk.hpp"
#include "core/domain/domain.hpp"
#include "core/mm/heap_internal.hpp"

namespace hv {

namespace {

u32 list_length(Domain& domain, u32 head) {
    const Guard guard(domain.page_alloc_lock);
    u32 pages = 0;
    for (; head; head = page_of(Mfn{head}).next)
        ++pages;
    return pages;
}

void dump_memory(char) {
    log_info("heap: {} pages free of {}, {} claimed, {}", heap_free_pages(), heap_total_pages(),
             heap_outstanding_claims(), heap_has_dirty() ? "scrubbing" : "scrubbed");
    for (unsigned bits = page_shift; bits <= 52; ++bits)
        if (const u64 pages = heap_free_pages(bits, bits, -1)) log_info("  {} address bits: {} pages", bits, pages);
    for_each_domain([](Domain& d) {
        log_info("d{}: {} pages of {}, {} hypervisor pages, {} claimed, {} given up but in use, refs {}", d.id,
                 d.tot_pages, d.max_pages, d.hv_pages, d.outstanding_claim, list_length(d, d.dead_page_list),
                 d.refs.load());
    });
}

} // namespace

void heap_keys_register() { keyhandler_register('m', dump_memory, "memory"); }

} // namespace hv
