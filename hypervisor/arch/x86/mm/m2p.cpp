// SPDX-License-Identifier: MIT
#include "mm/m2p.hpp"

#include "core/mm/page.hpp"
#include "mm/hv_pagetable.hpp"

namespace hv {

namespace {

u64& entry_of(Mfn mfn) { return reinterpret_cast<u64*>(m2p_start)[mfn.raw()]; }

} // namespace

void m2p_set(Mfn mfn, u64 pfn) {
    if (mfn_is_ram(mfn)) write_once(entry_of(mfn), pfn);
}

Mfn m2p_chunk_frame(u64 chunk) {
    if (chunk << m2p_chunk_shift >= max_mfn) return invalid_mfn;
    const u64 address = m2p_start + (chunk << 21);
    const L3e l3{map_as<u64>(L4e{map_as<u64>(idle_l4)[pte_index(address, 4)]}.mfn())[pte_index(address, 3)]};
    if (!l3.present()) return invalid_mfn;
    const L2e l2{map_as<u64>(l3.mfn())[pte_index(address, 2)]};
    return l2.present() ? l2.mfn() : invalid_mfn;
}

} // namespace hv
