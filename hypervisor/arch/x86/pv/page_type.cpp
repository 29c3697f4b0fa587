// SPDX-License-Identifier: MIT
#include "pv/page_type.hpp"

#include "core/hypercall/table.hpp"
#include "mm/tlb.hpp"
#include "pv/mmu.hpp"

namespace hv {

namespace {

u64* table_of(const PageInfo& page) { return static_cast<u64*>(map_of(page)); }

/// A CPU may still write through an old writable mapping, or walk through the page as the table that it was.
/// The stamp is read here, when the page is ours alone: before that it may be one use too old.
void flush_old_type(const PageInfo& page) {
    CpuMask mask = domain_dirty_cpus(*owner_of(page));
    tlb_filter(mask, page.tlb_stamp);
    if (!mask.empty()) tlb_flush_mask(mask);
}

/// Ours alone (count 1, not validated) -> partial without type reference.
void become_partial(PageInfo& page, PageType type, unsigned done, bool below_partial) {
    page.validated = static_cast<u16>(done);
    page.partial_entry = below_partial;
    page.count_.fetch_add(1, Order::relaxed);
    page.type_.store(type_bits(type) | TypeBits::partial, Order::release);
}

/// Partial -> ours alone. The caller gets the reference of the partial state.
void reclaim_partial(PageInfo& page) {
    page.type_.store(type_bits(type_of(page.type_.load(Order::relaxed))) | 1, Order::relaxed);
}

bool is_partial(const PageInfo& page) { return (page.type_.load(Order::relaxed) & TypeBits::partial) != 0; }

Status finish_locked(PageInfo& page, bool preemptible);

/// The table behind an entry that holds no reference to it, if it is partial.
Status finish_below(u64 raw, const Domain& owner, bool preemptible) {
    const Pte<4> entry{raw};
    if (!entry.present() || !mfn_is_ram(entry.mfn()) || !page_get(page_of(entry.mfn()), owner)) return {};
    const Status done = finish_locked(page_of(entry.mfn()), preemptible);
    page_put(page_of(entry.mfn()));
    return done;
}

/// Ours alone; drops what entries [0, validated) hold. Done: no type reference. Preempted: partial.
Status invalidate(PageInfo& page, PageType type, bool preemptible) {
    const u64* table = table_of(page);
    const unsigned level = level_of(type);
    unsigned at = page.validated;
    if (page.partial_entry && !finish_below(table[at], *owner_of(page), preemptible)) {
        become_partial(page, type, at, true);
        return Errno::restart;
    }
    page.partial_entry = 0;
    while (at > 0) {
        --at;
        if (!(table[at] & PteBits::present)) continue;
        if (level == 1) {
            l1e_put(L1e{table[at]});
        } else if (guest_slot(level, at)) {
            const bool gone = table_entry_put(table[at], preemptible).ok();
            if (!gone || (preemptible && at > 0 && hypercall_preempt_check())) {
                become_partial(page, type, at, !gone);
                return Errno::restart;
            }
        }
    }
    page.tlb_stamp = tlb_clock();
    page.type_.store(type_bits(type), Order::release);
    return {};
}

/// Partial -> no type reference.
Status finish_locked(PageInfo& page, bool preemptible) {
    if (!is_partial(page)) return {};
    const PageType type = type_of(page.type_.load(Order::relaxed));
    reclaim_partial(page);
    const Status done = invalidate(page, type, preemptible);
    page_put(page);
    return done;
}

/// Ours alone, entries [0, validated) are done already. On any error the page is not ours any more.
Status validate_table(PageInfo& page, PageType type, bool preemptible) {
    Domain& owner = *owner_of(page);
    u64* table = table_of(page);
    const unsigned level = level_of(type);
    for (unsigned at = page.validated; at < pte_count; ++at) {
        if (!(table[at] & PteBits::present) || !guest_slot(level, at)) continue; // most entries of most tables
        const u64 raw = fix_entry(table[at]);
        const Status got =
            level == 1 ? l1e_get(L1e{raw}, owner, owner) : table_entry_get(level, raw, owner, preemptible);
        if (!got) {
            if (got.error() == Errno::restart) {
                become_partial(page, type, at, true);
                return got;
            }
            page.validated = static_cast<u16>(at);
            page.partial_entry = level > 1;
            static_cast<void>(invalidate(page, type, preemptible)); // preempted: the caller sees it partial
            return got.error() == Errno::perm ? got : Status{Errno::inval};
        }
        if (raw != table[at]) write_once(table[at], raw);
        if (preemptible && level > 1 && at + 1 < pte_count && hypercall_preempt_check()) {
            become_partial(page, type, at + 1, false);
            return Errno::restart;
        }
    }
    if (level == 4) pv_init_l4(owner, table);
    return {};
}

Status validate_descriptors(PageInfo& page) {
    u64* table = table_of(page);
    for (unsigned i = 0; i < page_size / sizeof(u64); ++i) {
        u64 fixed = table[i];
        if (!pv_fix_descriptor(fixed)) {
            page.tlb_stamp = tlb_clock();
            page.type_.store(type_bits(PageType::seg_desc), Order::release);
            return Errno::inval;
        }
        if (fixed != table[i]) write_once(table[i], fixed);
    }
    return {};
}

/// The page was count 0 of `old`; it is now count 1 of `type`, not validated, ours alone.
Status establish(PageInfo& page, u64 old, PageType type, bool preemptible) {
    if (type_of(old) != type && type_of(old) != PageType::none) flush_old_type(page);
    Status ready{};
    if (is_table(type)) {
        if (!(old & TypeBits::partial)) {
            page.validated = 0;
            page.partial_entry = 0;
        }
        ready = validate_table(page, type, preemptible);
        if (old & TypeBits::partial) page_put(page); // that state's reference; a new partial state has its own
    } else if (type == PageType::seg_desc) {
        ready = validate_descriptors(page);
    }
    if (ready) page.type_.fetch_or(TypeBits::validated, Order::release);
    return ready;
}

Status acquire(PageInfo& page, PageType type, bool preemptible) {
    u64 seen = page.type_.load(Order::acquire);
    for (;;) {
        if ((seen & TypeBits::count) == 0) {
            const bool same = type_of(seen) == type;
            if ((seen & TypeBits::partial) && !same) {
                if (!is_table(type)) return Errno::inval;
                if (const Status clean = finish_locked(page, preemptible); !clean) return clean;
                seen = page.type_.load(Order::acquire);
                continue;
            }
            const u64 ready =
                type == PageType::writable && (same || type_of(seen) == PageType::none) ? TypeBits::validated : 0;
            if (!page.type_.compare_exchange(seen, type_bits(type) | ready | 1, Order::acq_rel)) continue;
            return ready ? Status{} : establish(page, seen, type, preemptible);
        }
        if (type_of(seen) != type || (seen & TypeBits::count) == TypeBits::count) return Errno::inval;
        if (!(seen & TypeBits::validated)) {
            if (is_table(type)) // under the lock that can only be ourselves, further up in the recursion
                return Errno::inval;
            cpu_relax();
            seen = page.type_.load(Order::acquire);
            continue;
        }
        if (page.type_.compare_exchange(seen, seen + 1, Order::acq_rel)) return {};
    }
}

Status release(PageInfo& page, bool preemptible) {
    u64 seen = page.type_.load(Order::relaxed);
    for (;;) {
        HV_ASSERT((seen & TypeBits::count) != 0);
        u64 next = seen - 1;
        const bool last = (seen & TypeBits::count) == 1;
        if (last) {
            next = is_table(type_of(seen)) ? type_bits(type_of(seen)) | 1 : type_bits(type_of(seen));
            if (!is_table(type_of(seen))) page.tlb_stamp = tlb_clock(); // before anybody can take it for something else
        }
        if (!page.type_.compare_exchange(seen, next, Order::acq_rel)) continue;
        if (!last || !is_table(type_of(seen))) return {};
        page.validated = pte_count;
        page.partial_entry = 0;
        return invalidate(page, type_of(seen), preemptible);
    }
}

} // namespace

Status page_get_type_locked(PageInfo& page, PageType type, bool preemptible) {
    const Status got = acquire(page, type, preemptible);
    if (!got && got.error() != Errno::restart && is_partial(page)) note_old_table(page);
    return got;
}
Status page_get_type_below(PageInfo& page, PageType type, bool preemptible) { return acquire(page, type, preemptible); }
Status page_put_type_locked(PageInfo& page, bool preemptible) { return release(page, preemptible); }

bool page_get_validated(PageInfo& page, PageType type) {
    u64 seen = page.type_.load(Order::relaxed);
    do {
        const u64 count = seen & TypeBits::count;
        if (type_of(seen) != type || !(seen & TypeBits::validated) || count == 0 || count == TypeBits::count)
            return false;
    } while (!page.type_.compare_exchange(seen, seen + 1, Order::acq_rel));
    return true;
}

Status page_get_type(PageInfo& page, PageType type, bool preemptible) {
    if (page_get_validated(page, type)) [[likely]]
        return {};
    if (!is_table(type)) return acquire(page, type, false);
    const Guard guard(owner_of(page)->arch.pv_mm_lock);
    return page_get_type_locked(page, type, preemptible);
}

Status page_put_type(PageInfo& page, bool preemptible) {
    u64 seen = page.type_.load(Order::relaxed);
    while ((seen & TypeBits::count) > 1)
        if (page.type_.compare_exchange(seen, seen - 1, Order::acq_rel)) return {};
    if (!is_table(type_of(seen))) return release(page, false);
    const Guard guard(owner_of(page)->arch.pv_mm_lock);
    return release(page, preemptible);
}

Status page_finish_put(PageInfo& page, bool preemptible) {
    Domain* owner;
    if (!is_partial(page) || !page_get_owner(page, owner)) return {};
    Status done{};
    {
        const Guard guard(owner->arch.pv_mm_lock);
        done = finish_locked(page, preemptible);
    }
    page_put(page);
    return done;
}

Status page_relinquish(PageInfo& page) {
    if (page.type_.fetch_and(~TypeBits::pinned) & TypeBits::pinned) {
        const Status put = page_put_type(page, true);
        page_put(page);
        if (!put) return put;
    }
    return page_finish_put(page, true);
}

void note_old_table(PageInfo& page) {
    Mfn& old = current().arch.old_guest_table;
    if (old == Mfn{}) old = mfn_of(page);
}

Status pv_finish_old_table(Vcpu& vcpu) {
    if (vcpu.arch.old_guest_table == Mfn{}) [[likely]]
        return {};
    if (const Status done = page_finish_put(page_of(vcpu.arch.old_guest_table), true); !done) return done;
    vcpu.arch.old_guest_table = Mfn{};
    return {};
}

} // namespace hv
