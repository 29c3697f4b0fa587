// SPDX-License-Identifier: MIT
// What the architecture adds to architecture-neutral hypercalls.
#pragma once

#include "core/domain/domain.hpp"
#include "mm/layout.hpp"
#include "pv/pv.hpp"

namespace hv {

/// XENFEAT_* bits (submap 0) of this kind of guest.
inline u32 arch_features(const Domain& domain) {
    return domain.is_hvm ? 0
                         : 1U << XENFEAT_mmu_pt_update_preserve_ad | 1U << XENFEAT_gnttab_map_avail_bits |
                               (domain.vm_assist >> VMASST_TYPE_pae_extended_cr3 & 1) << XENFEAT_pae_pgdir_above_4gb;
}
inline u64 arch_virt_start() { return hv_start; }
inline u32 arch_vm_assists(const Domain& domain) { return domain.is_hvm ? 0 : pv_vm_assists; }

} // namespace hv
