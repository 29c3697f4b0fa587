// SPDX-License-Identifier: MIT
// GDT of a PV vCPU: up to 14 guest frames, each typed seg_desc, in the vCPU's window of the per-domain area.
#pragma once

#include "core/domain/domain.hpp"

namespace hv {

/// Replaces the GDT; the frames belong to the vCPU's domain. -EINVAL: too many entries, or a frame that is no
/// descriptor page; the old GDT stays then.
Status pv_set_gdt(Vcpu& vcpu, const u64* frames, u32 entries);
// DR0..3, 6, 7 of `vcpu`; loads them when it is current. -EPERM: an address or condition that a guest may not watch.
Status pv_set_debug_register(Vcpu& vcpu, unsigned index, u64 value);
void load_debug_register(unsigned index, u64 value); ///< DR0..3, 6, 7
/// A trap-table entry made safe: RPL 3. False: address not canonical.
bool pv_fix_trap(trap_info_t& info);

} // namespace hv
