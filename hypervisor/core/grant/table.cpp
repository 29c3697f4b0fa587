// SPDX-License-Identifier: MIT
// Life of a grant table: creation, growth, pins, end.
#include "core/grant/table.hpp"

#include "core/hypercall/table.hpp"

namespace hv {

GrantCode grant_pin(GrantTable& table, LockedGrant& grant, GrantRef ref, Domid grantee, bool device, bool readonly,
                    GrantUse use) {
    Active& active = *grant;
    u16& count = active.pins.of(device, readonly);
    if (count == 0xffff || (active.pins.any() && active.grantee != grantee.raw())) return GNTST_general_error;
    if (active.pins.any() && use == GrantUse::map && (active.transitive || active.length != page_size))
        return GNTST_general_error;
    GrantEntry entry = table.entry(ref.raw(), grant.version());
    if (!active.pins.any() || (!readonly && !active.pins.writers())) {
        const GrantCode code = entry.pin(grantee, readonly, use);
        if (code != GNTST_okay) return code;
        if (!active.pins.any()) {
            const GrantFacts facts = entry.facts();
            if (facts.frame > 0xffffffff) {
                entry.unpin(true, !readonly);
                return GNTST_bad_page;
            }
            active.grantee = grantee.raw();
            active.frame = static_cast<u32>(facts.frame);
            active.offset = facts.offset;
            active.length = facts.length;
            active.transitive = facts.transitive;
            active.trans_domain = facts.trans_domain.raw();
            active.trans_ref = facts.trans_ref.raw();
        }
    }
    ++count;
    return GNTST_okay;
}

void grant_unpin(GrantTable& table, LockedGrant& grant, GrantRef ref, bool device, bool readonly) {
    u16& count = grant->pins.of(device, readonly);
    HV_ASSERT(count != 0);
    --count;
    table.entry(ref.raw(), grant.version()).unpin(!grant->pins.any(), !readonly && !grant->pins.writers());
}

static Active* new_actives() {
    auto* actives = static_cast<Active*>(kmalloc(GrantTable::v1_per_frame * sizeof(Active)));
    for (u32 i = 0; actives && i < GrantTable::v1_per_frame; ++i)
        ::new (&actives[i]) Active;
    return actives;
}

Status grant_grow_status(Domain& domain, u32 frames) {
    GrantTable& table = *domain.grants;
    while (table.status_frames < grant_status_frames_for(frames)) {
        void* page = alloc_pages();
        if (!page) return Errno::no_mem;
        share_hypervisor_page(page, domain, ShareMode::read_write);
        table.status[table.status_frames++] = static_cast<grant_status_t*>(page);
    }
    return {};
}

Status grant_grow(Domain& domain, u32 frames) {
    GrantTable& table = *domain.grants;
    if (frames > table.max_frames) return Errno::inval;
    for (u32 i = table.frames.load(); i < frames; ++i) {
        if (!table.active[i]) table.active[i] = new_actives();
        void* page = table.active[i] ? alloc_pages() : nullptr;
        if (!page) return Errno::no_mem;
        share_hypervisor_page(page, domain, ShareMode::read_write);
        table.shared[i] = page;
        // The new entries must not become usable before their status words exist.
        if (table.version.load() == 2)
            if (const Status status = grant_grow_status(domain, i + 1); !status.ok()) {
                table.shared[i] = nullptr;
                domain_release_page(page_of(mfn_of_virt(page)));
                return status.error();
            }
        table.frames.store(i + 1, Order::release);
    }
    return {};
}

Result<Mfn> grant_shared_frame(Domain& domain, u32 index) {
    GrantTable& table = *domain.grants;
    const Guard guard(table.lock);
    if (index >= table.max_frames) return Errno::inval;
    TRY(grant_grow(domain, index + 1 > table.frames.load() ? index + 1 : table.frames.load()));
    return mfn_of_virt(table.shared[index]);
}

Result<Mfn> grant_status_frame(Domain& domain, u32 index) {
    GrantTable& table = *domain.grants;
    const Guard guard(table.lock);
    if (table.version.load() != 2 || index >= grant_status_frames_for(table.max_frames)) return Errno::inval;
    if (index >= table.status_frames) {
        TRY(grant_grow(domain, index * (GrantTable::status_per_frame / GrantTable::v2_per_frame) + 1));
    }
    return mfn_of_virt(table.status[index]);
}

Status grant_table_create(Domain& domain, u32 max_frames, u32 max_maptrack, u32 max_version) {
    constexpr u32 handles_per_frame = Maptrack::per_page;
    if (!max_frames || max_frames > 0x10000 || max_maptrack > ~u32{0} / handles_per_frame || max_version > 2)
        return Errno::inval;
    auto* table = make<GrantTable>(max_frames, max_maptrack * handles_per_frame, max_version ? max_version : 2U);
    if (!table) return Errno::no_mem;
    domain.grants = table;
    domain.max_grant_frames = max_frames;
    domain.max_maptrack_frames = max_maptrack;
    table->shared = static_cast<void**>(kmalloc(max_frames * sizeof(void*)));
    table->active = static_cast<Active**>(kmalloc(max_frames * sizeof(void*)));
    table->status = static_cast<grant_status_t**>(kmalloc(grant_status_frames_for(max_frames) * sizeof(void*)));
    Status status = Errno::no_mem;
    if (table->shared && table->active && table->status) {
        const Guard guard(table->lock);
        status = grant_grow(domain, 1);
    }
    if (!status.ok()) grant_table_destroy(domain);
    return status;
}

void grant_table_destroy(Domain& domain) {
    GrantTable* table = domain.grants;
    if (!table) return;
    // Whoever still maps a frame keeps it; the hypervisor is done with it.
    for (u32 i = 0; i < table->frames.load(); ++i)
        domain_release_page(page_of(mfn_of_virt(table->shared[i])));
    for (u32 i = 0; i < table->status_frames; ++i)
        domain_release_page(page_of(mfn_of_virt(table->status[i])));
    for (u32 i = 0; table->active && i < table->max_frames; ++i)
        kfree(table->active[i]);
    kfree(table->shared);
    kfree(table->active);
    kfree(table->status);
    destroy(table);
    domain.grants = nullptr;
}

} // namespace hv
