// SPDX-License-Identifier: MIT
// GNTTABOP_transfer: a page changes its owner, into an entry by which the other domain accepts it.
#include "core/grant/table.hpp"
#include "cpu/cache.hpp"
#include "mm/m2p.hpp"

namespace hv {

namespace {

/// The page is nobody's; on failure it goes back to the heap, as the ABI has it.
GrantCode give(PageInfo& page, Domain& taker, GrantRef ref) {
    // A committed entry must be completed, so the quota is looked at before.
    if (taker.dying.load() != Domain::Dying::no || taker.tot_pages >= taker.max_pages) return GNTST_general_error;
    LockedGrant grant(*taker.grants, ref);
    if (!grant) return GNTST_bad_gntref;
    GrantEntry entry = taker.grants->entry(ref.raw(), grant.version());
    if (grant->pins.any() || !entry.commit_transfer(current().domain->id)) return GNTST_general_error;
    const Mfn mfn = mfn_of(page);
    const u64 gfn = entry.transfer_gfn();
    const bool assigned = domain_assign_page(taker, page, true).ok();
    if (assigned) m2p_set(mfn, gfn);
    entry.complete_transfer(assigned ? mfn : Mfn{});
    return assigned ? GNTST_okay : GNTST_general_error;
}

GrantCode transfer_one(const gnttab_transfer_t& op, DomainCache& cache) {
    const Mfn mfn{op.mfn};
    if (!mfn_is_ram(mfn) || !domain_steal_page(*current().domain, page_of(mfn)).ok()) return GNTST_bad_page;
    Domain* taker = cache.find(op.domid);
    const GrantCode code = taker ? give(page_of(mfn), *taker, GrantRef{op.ref}) : s16{GNTST_bad_domain};
    if (code) heap_free(page_of(mfn), 0);
    return code;
}

bool has_mapped(Domain& self, const Domain& owner, Mfn mfn) {
    Maptrack& maptrack = self.grants->maptrack;
    for (u32 handle = 0; handle < maptrack.limit(); ++handle) {
        const Mapping& mapping = *maptrack.find(handle);
        const u32 ref = mapping.ref.load(); // not a reference if the entry is released meanwhile
        if (mapping.state.load() && mapping.granter == &owner && ref < owner.grants->entries(1) &&
            owner.grants->active_at(ref).frame == mfn.raw())
            return true;
    }
    return false;
}

Status flush_one(const gnttab_cache_flush_t& op) {
    if (!op.length || !op.op) return {};
    if (u32{op.offset} + op.length > page_size ||
        (op.op & ~(GNTTAB_CACHE_CLEAN | GNTTAB_CACHE_INVAL | GNTTAB_CACHE_SOURCE_GREF)))
        return Errno::inval;
    if (op.op != GNTTAB_CACHE_CLEAN) // discarding lines could uncover what the page held for its last owner
        return Errno::opnotsupp;
    const Mfn mfn = to_mfn(Maddr{op.a.dev_bus_addr});
    Domain* owner = nullptr;
    if (!mfn_is_ram(mfn) || !page_get_owner(page_of(mfn), owner)) return Errno::perm;
    const PageRef page = PageRef::adopt(page_of(mfn));
    Domain& self = *current().domain;
    if (owner != &self && (!owner->grants || !has_mapped(self, *owner, mfn))) return Errno::perm;
    cache_clean(map_as<u8>(mfn) + op.offset, op.length);
    return {};
}

} // namespace

Status grant_op::transfer(u64& args, u64& count) {
    DomainCache cache;
    return for_each_op<gnttab_transfer_t>(
        args, count, [&](gnttab_transfer_t& op) { op.status = transfer_one(op, cache); }, [] {});
}

Status grant_op::cache_flush(u64& args, u64& count) {
    for (bool first = true; count; first = false, --count, args += sizeof(gnttab_cache_flush_t)) {
        if (!first && hypercall_preempt_check()) return Errno::restart;
        const auto op = TRY(read_guest<gnttab_cache_flush_t>(args));
        TRY(flush_one(op));
    }
    return {};
}

} // namespace hv
