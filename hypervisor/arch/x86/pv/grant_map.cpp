// SPDX-License-Identifier: MIT
// The page-table side of grant mappings. The entry of a mapping owns the references that the grant code took for it.
#include "core/grant/grant.hpp"
#include "cpu/cpuid.hpp"
#include "pv/l1_slot.hpp"

namespace hv {

namespace {

Result<L1Slot> slot_for(const GrantMapRequest& request) {
    return (request.flags & GNTMAP_contains_pte) ? L1Slot::at(request.host_addr, *current().domain)
                                                 : L1Slot::of_address(current(), request.host_addr);
}

u64 entry_for(const GrantMapRequest& request) {
    u64 flags = PteBits::present | PteBits::user | PteBits::accessed | PteBits::dirty | request.cache_flags;
    if (!(request.flags & GNTMAP_readonly)) flags |= PteBits::rw;
    if (cpu_features.nx) flags |= PteBits::nx;
    flags |= u64{request.flags >> _GNTMAP_guest_avail0} << 9 & PteBits::avail;
    return request.mfn.raw() << page_shift | flags;
}

} // namespace

Status arch_grant_map(const GrantMapRequest& request) {
    const L1Slot slot = TRY(slot_for(request));
    l1e_put(L1e{__atomic_exchange_n(*slot, entry_for(request), __ATOMIC_ACQ_REL)});
    return {};
}

Status arch_grant_unmap(const GrantMapRequest& request, u64 new_addr) {
    if (new_addr && (request.flags & GNTMAP_contains_pte)) return Errno::inval;
    const L1Slot slot = TRY(slot_for(request));
    // The guest may have changed what does not matter; frame and rights decide which references the entry owns.
    constexpr u64 must_match = PteBits::address | PteBits::present | PteBits::rw;
    u64 seen = read_once(**slot);
    const auto matches = [&] { return ((seen ^ entry_for(request)) & must_match) == 0; };
    if (!matches()) return Errno::inval;
    u64 successor = 0;
    if (new_addr) { // that address's entry moves here, with its references
        const L1Slot from = TRY(L1Slot::of_address(current(), new_addr));
        if (*from == *slot) return Errno::inval;
        successor = __atomic_exchange_n(*from, 0, __ATOMIC_ACQ_REL);
    }
    while (!__atomic_compare_exchange_n(*slot, &seen, successor, false, __ATOMIC_ACQ_REL, __ATOMIC_RELAXED))
        if (!matches()) {
            l1e_put(L1e{successor});
            return Errno::inval;
        }
    return {};
}

} // namespace hv
