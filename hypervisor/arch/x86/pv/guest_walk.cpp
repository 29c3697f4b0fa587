// SPDX-License-Identifier: MIT
// Looking through a guest's page tables by way of the direct map.
#include "mm/layout.hpp"
#include "pv/l1_slot.hpp"
#include "pv/mmu.hpp"

namespace hv {

u64 pv_walk_to(Mfn l4, u64 address, unsigned stop) {
    if (!guest_address_ok(address) || l4 == Mfn{}) return 0;
    Mfn table = l4;
    for (unsigned level = 4;; --level) {
        const u64 raw = read_once(map_as<u64>(table)[pte_index(address, level)]);
        if (level == stop) return raw;
        table = Pte<4>{raw}.mfn();
        if (!(raw & PteBits::present) || !mfn_is_ram(table)) return 0;
    }
}

Result<L1Slot> L1Slot::of_address(const Vcpu& vcpu, u64 address) {
    const L2e l2{pv_walk_to(vcpu.arch.guest_table, address, 2)};
    if (!l2.present()) return Errno::inval;
    return at((l2.mfn().raw() << page_shift) + 8 * pte_index(address, 1), *vcpu.domain);
}

Result<L1Slot> L1Slot::at(u64 entry, const Domain& owner) {
    const Mfn mfn{entry >> page_shift};
    if ((entry & 7) || !mfn_is_ram(mfn) || !page_get(page_of(mfn), owner)) return Errno::inval;
    PageInfo& page = page_of(mfn);
    if (!page_get_validated(page, PageType::l1)) {
        page_put(page);
        return Errno::inval;
    }
    return L1Slot(page, map_as<u64>(mfn) + (entry & ~page_mask) / 8);
}

} // namespace hv
