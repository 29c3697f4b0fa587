// SPDX-License-Identifier: MIT
// Machine-to-physical table: one u64 per machine frame; PV guests read it at ro_m2p_start (xen/arch-x86/xen-x86_64.h).
#pragma once

#include "lib/atomic.hpp"
#include "lib/frame.hpp"
#include "mm/layout.hpp"

namespace hv {

inline constexpr u64 invalid_m2p_entry = ~u64{0};
/// Frames of the table are 2 MiB each and describe 1 GiB (XENMEM_machphys_mfn_list).
inline constexpr unsigned m2p_chunk_shift = 18;

void m2p_set(Mfn mfn, u64 pfn); ///< frames without a record are ignored
/// First frame of the chunk that describes mfns [chunk << 18, ...); invalid_mfn: a hole.
Mfn m2p_chunk_frame(u64 chunk);

} // namespace hv
