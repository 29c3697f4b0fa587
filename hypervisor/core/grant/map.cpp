// SPDX-License-Identifier: MIT
// GNTTABOP_map_grant_ref, _unmap_grant_ref, _unmap_and_replace, and the end of a domain that holds mappings.
#include "core/grant/table.hpp"
#include "mm/tlb.hpp"

namespace hv {

namespace {

constexpr u16 both_maps = GNTMAP_host_map | GNTMAP_device_map;
constexpr u16 kept_flags = both_maps | GNTMAP_readonly | GNTMAP_application_map | GNTMAP_contains_pte;

/// Pins the entry for each kind of mapping wanted; all or nothing.
GrantCode pin_for_map(GrantTable& table, LockedGrant& grant, GrantRef ref, u32 flags) {
    const Domid self = current().domain->id;
    const bool readonly = (flags & GNTMAP_readonly) != 0;
    if (flags & GNTMAP_device_map)
        if (const GrantCode code = grant_pin(table, grant, ref, self, true, readonly, GrantUse::map)) return code;
    if (!(flags & GNTMAP_host_map)) return GNTST_okay;
    const GrantCode code = grant_pin(table, grant, ref, self, false, readonly, GrantUse::map);
    if (code && (flags & GNTMAP_device_map)) grant_unpin(table, grant, ref, true, readonly);
    return code;
}

void unpin_mapped(GrantTable& table, GrantRef ref, u32 maps, bool readonly) {
    LockedGrant grant(table, ref, true);
    if (maps & GNTMAP_device_map) grant_unpin(table, grant, ref, true, readonly);
    if (maps & GNTMAP_host_map) grant_unpin(table, grant, ref, false, readonly);
}

/// The page references and the page-table entry of a pinned grant; all or nothing.
Status map_page(const gnttab_map_grant_ref_t& op, Mfn mfn, const Domain& granter) {
    const bool readonly = (op.flags & GNTMAP_readonly) != 0;
    if (op.flags & GNTMAP_device_map) TRY(granted_page_get(mfn, granter, readonly));
    if (!(op.flags & GNTMAP_host_map)) return {};
    Status status = granted_page_get(mfn, granter, readonly);
    if (status.ok()) {
        status = arch_grant_map({op.host_addr, mfn, op.flags, 0});
        if (!status.ok()) granted_page_put(page_of(mfn), readonly);
    }
    if (!status.ok() && (op.flags & GNTMAP_device_map)) granted_page_put(page_of(mfn), readonly);
    return status;
}

GrantCode map_one(gnttab_map_grant_ref_t& op, DomainCache& cache) {
    if (!(op.flags & both_maps)) return GNTST_bad_gntref;
    Domain* granter = cache.find(op.dom);
    if (!granter) return GNTST_bad_domain;
    Maptrack& maptrack = current().domain->grants->maptrack;
    GrantTable& table = *granter->grants;
    const GrantRef ref{op.ref};
    LockedGrant grant(table, ref);
    if (!grant) return GNTST_bad_gntref;
    if (const GrantCode code = pin_for_map(table, grant, ref, op.flags)) return code;
    const Mfn mfn{grant->frame};
    grant.unlock();

    const u32 handle = maptrack.alloc();
    if (handle == Maptrack::no_handle || !map_page(op, mfn, *granter).ok()) {
        unpin_mapped(table, ref, op.flags, (op.flags & GNTMAP_readonly) != 0);
        if (handle == Maptrack::no_handle) return GNTST_no_space;
        maptrack.release(handle);
        return GNTST_general_error;
    }
    Mapping& mapping = *maptrack.find(handle);
    mapping.granter = &DomainRef::share(*granter).release();
    mapping.ref.store(op.ref, Order::relaxed);
    const u16 live = static_cast<u16>((op.flags & GNTMAP_host_map ? Mapping::host_live : 0) |
                                      (op.flags & GNTMAP_device_map ? Mapping::device_live : 0));
    mapping.state.store(static_cast<u16>((op.flags & kept_flags) | live));
    op.handle = handle;
    op.dev_bus_addr = to_maddr(mfn).raw();
    return GNTST_okay;
}

/// Unmaps in two steps: first the entries of a batch are cleared, then - after one TLB flush for all of them - the
/// references go that kept the pages from being reused.
class UnmapBatch {
  public:
    GrantCode add(u64 host_addr, u64 dev_bus_addr, u64 new_addr, u32 handle) {
        Mapping* mapping = maptrack_.find(handle);
        if (!mapping) return GNTST_bad_handle;
        const u16 state = mapping->state.load();
        if (!state) return GNTST_bad_handle;
        const u16 claimed = Maptrack::claim(
            *mapping, static_cast<u16>((host_addr ? GNTMAP_host_map : 0) | (dev_bus_addr ? GNTMAP_device_map : 0)));
        if (!claimed) return GNTST_okay;
        // From here on the mapping cannot go away: what was claimed has a live bit.
        const Mfn mfn{mapping->granter->grants->active_at(mapping->ref.load()).frame};
        if ((claimed & GNTMAP_device_map) && dev_bus_addr != to_maddr(mfn).raw()) {
            Maptrack::unclaim(*mapping, claimed);
            return GNTST_bad_dev_addr;
        }
        if (claimed & GNTMAP_host_map) {
            if (!arch_grant_unmap({host_addr, mfn, u32{state} & kept_flags, 0}, new_addr).ok()) {
                Maptrack::unclaim(*mapping, claimed);
                return GNTST_general_error;
            }
            flush_ = true;
            // A page-table entry named by its own address may be mapped anywhere, and a replacement moved two.
            flush_all_ |= (state & GNTMAP_contains_pte) || new_addr;
        }
        entries_[count_++] = {mapping, handle, claimed, mfn, host_addr};
        return GNTST_okay;
    }

    void finish() {
        if (flush_) flush();
        for (u32 i = 0; i < count_; ++i)
            release(entries_[i]);
        count_ = 0;
        flush_ = flush_all_ = false;
    }

  private:
    struct Entry {
        Mapping* mapping;
        u32 handle;
        u16 claimed;
        Mfn mfn;
        u64 address;
    };

    void flush() const {
        const CpuMask cpus = domain_dirty_cpus(*current().domain);
        CpuMask others = cpus;
        others.clear(cpu_id());
        if (flush_all_ || !others.empty()) {
            tlb_flush_mask(cpus);
            return;
        }
        for (u32 i = 0; i < count_; ++i)
            if (entries_[i].claimed & GNTMAP_host_map) tlb_flush_local_page(entries_[i].address);
    }

    void release(const Entry& entry) {
        const bool readonly = (entry.mapping->state.load() & GNTMAP_readonly) != 0;
        Domain& granter = *entry.mapping->granter;
        unpin_mapped(*granter.grants, GrantRef{entry.mapping->ref.load()}, entry.claimed, readonly);
        u16 live = 0;
        for (const u16 map : {u16{GNTMAP_host_map}, u16{GNTMAP_device_map}})
            if (entry.claimed & map) {
                granted_page_put(page_of(entry.mfn), readonly);
                live |= map == GNTMAP_host_map ? Mapping::host_live : Mapping::device_live;
            }
        if (Maptrack::drop(*entry.mapping, live)) {
            maptrack_.release(entry.handle);
            domain_put(granter);
        }
    }

    Maptrack& maptrack_ = current().domain->grants->maptrack;
    Entry entries_[32];
    u32 count_ = 0;
    bool flush_ = false, flush_all_ = false;
};

} // namespace

Status grant_op::map(u64& args, u64& count) {
    DomainCache cache;
    return for_each_op<gnttab_map_grant_ref_t>(
        args, count, [&](gnttab_map_grant_ref_t& op) { op.status = map_one(op, cache); }, [] {});
}

Status grant_op::unmap(u64& args, u64& count) {
    UnmapBatch batch;
    return for_each_op<gnttab_unmap_grant_ref_t>(
        args, count,
        [&](gnttab_unmap_grant_ref_t& op) { op.status = batch.add(op.host_addr, op.dev_bus_addr, 0, op.handle); },
        [&] { batch.finish(); });
}

Status grant_op::unmap_and_replace(u64& args, u64& count) {
    UnmapBatch batch;
    return for_each_op<gnttab_unmap_and_replace_t>(
        args, count,
        [&](gnttab_unmap_and_replace_t& op) {
            op.status = op.new_addr ? batch.add(op.host_addr, 0, op.new_addr, op.handle) : s16{GNTST_bad_virt_addr};
        },
        [&] { batch.finish(); });
}

/// The dying domain's page tables still exist: the references of host mappings go with them.
Status grant_table_relinquish(Domain& domain) {
    GrantTable* table = domain.grants;
    if (!table) return {};
    for (bool first = true; table->relinquished < table->maptrack.limit(); first = false) {
        if (!first && table->relinquished % 64 == 0 && hypercall_preempt_check()) return Errno::restart;
        Mapping& mapping = *table->maptrack.find(table->relinquished++);
        const u16 state = mapping.state.exchange(0);
        if (!state) continue;
        const bool readonly = (state & GNTMAP_readonly) != 0;
        Domain& granter = *mapping.granter;
        const Mfn mfn{granter.grants->active_at(mapping.ref.load()).frame};
        const u32 maps =
            (state & Mapping::host_live ? GNTMAP_host_map : 0) | (state & Mapping::device_live ? GNTMAP_device_map : 0);
        unpin_mapped(*granter.grants, GrantRef{mapping.ref.load()}, maps, readonly);
        if (state & Mapping::device_live) granted_page_put(page_of(mfn), readonly);
        domain_put(granter);
    }
    return {};
}

} // namespace hv
