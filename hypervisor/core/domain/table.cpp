// SPDX-License-Identifier: MIT
// All domains by id. Looking one up takes no lock: a slot is read, then a reference is taken unless the count has
// reached 0; the memory of a domain that somebody may be reading so is only freed after a grace period.
#include "core/domain/table.hpp"
#include "core/domain/domain.hpp"
#include "core/mm/heap.hpp"
#include "core/xsm/check.hpp"

namespace hv {

Domain* dom0;
Domain* dom_io;
Domain* dom_xen;

namespace {

constexpr u32 leaf_slots = page_size / sizeof(u64);
using Slot = Atomic<Domain*>;
Atomic<Slot*> leaves[domid_first_reserved / leaf_slots + 1];

Slot* slot_of(Domid id) {
    if (id.raw() >= domid_first_reserved) return nullptr;
    Slot* leaf = leaves[id.raw() / leaf_slots].load(Order::acquire);
    return leaf ? &leaf[id.raw() % leaf_slots] : nullptr;
}

bool try_get(Domain& domain) {
    u32 refs = domain.refs.load(Order::relaxed);
    while (refs != 0)
        if (domain.refs.compare_exchange(refs, refs + 1)) return true;
    return false;
}

} // namespace

Status domain_table_reserve(Domid id) {
    auto& leaf = leaves[id.raw() / leaf_slots];
    if (leaf.load()) return {};
    void* page = alloc_pages();
    if (!page) return Errno::no_mem;
    Slot* none = nullptr;
    if (!leaf.compare_exchange(none, static_cast<Slot*>(page))) free_pages(page);
    return {};
}

bool domain_table_insert(Domain& domain) {
    Domain* none = nullptr;
    return slot_of(domain.id)->compare_exchange(none, &domain);
}

void domain_table_remove(Domain& domain) {
    Domain* expected = &domain;
    if (Slot* slot = slot_of(domain.id)) slot->compare_exchange(expected, nullptr);
}

bool domain_id_free(Domid id) {
    const Slot* slot = slot_of(id);
    return id.raw() < domid_first_reserved && (!slot || !slot->load(Order::relaxed));
}

DomainRef DomainRef::share(Domain& domain) {
    domain.refs.fetch_add(1, Order::relaxed);
    return adopt(domain);
}

Result<DomainRef> DomainRef::find(Domid id) {
    const Slot* slot = slot_of(id);
    Domain* domain = slot ? slot->load(Order::acquire) : nullptr;
    if (!domain || !try_get(*domain)) return Errno::srch;
    return adopt(*domain);
}

Result<DomainRef> DomainRef::find_any(Domid id) {
    Domain& self = *current().domain;
    if (id == domid_self || id == self.id) return share(self);
    return find(id);
}

Result<DomainRef> DomainRef::find_target(Domid id) {
    DomainRef domain = TRY(find_any(id));
    if (!has_right(*current().domain, &*domain, Right::target)) return Errno::perm;
    return domain;
}

static DomainRef first_from(u32 id) {
    for (; id < domid_first_reserved; ++id) {
        const Slot* leaf = leaves[id / leaf_slots].load(Order::acquire);
        if (!leaf) {
            id |= leaf_slots - 1;
            continue;
        }
        Domain* domain = leaf[id % leaf_slots].load(Order::acquire);
        if (domain && try_get(*domain)) return DomainRef::adopt(*domain);
    }
    return {};
}

DomainRef domain_next(const Domain* after) { return first_from(after ? after->id.raw() + 1u : 0); }
DomainRef domain_after(Domid id) { return first_from(id.raw() + 1u); }

} // namespace hv
