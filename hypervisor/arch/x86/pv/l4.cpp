// SPDX-License-Identifier: MIT
#include "mm/hv_pagetable.hpp"
#include "mm/layout.hpp"
#include "pv/mmu.hpp"

namespace hv {

void pv_init_l4(Domain& domain, u64* l4) {
    const u64* model = map_as<u64>(idle_l4);
    for (unsigned slot = first_hv_slot; slot <= last_hv_slot; ++slot)
        write_once(l4[slot], model[slot]);
    if (domain.arch.perdomain_l3 != Mfn{})
        write_once(l4[pte_index(perdomain_start, 4)],
                   domain.arch.perdomain_l3.raw() << page_shift | PteBits::present | PteBits::rw | PteBits::accessed);
}

} // namespace hv
