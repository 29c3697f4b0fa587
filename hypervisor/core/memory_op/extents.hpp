// SPDX-License-Identifier: MIT
// Arithmetic of HYPERVISOR_memory_op's arguments, all of it hostile: extents, flags and the encoded progress.
#pragma once

#include "abi/xen.hpp"
#include "core/mm/heap.hpp"
#include "lib/types.hpp"

namespace hv {

/// The command's upper bits hold the extent with which a preempted call goes on.
inline constexpr unsigned memop_extent_shift = 6;
inline constexpr u64 memop_command_mask = (u64{1} << memop_extent_shift) - 1;
inline constexpr u64 memop_max_extents = ~u32{0} >> memop_extent_shift;
constexpr u64 memop_resume(u64 command, u64 extent) { return command | (extent << memop_extent_shift); }

/// count << order without loss?
constexpr bool extents_fit(u64 count, u32 order) { return order < 64 && count <= (~u64{0} >> order); }

/// XENMEMF_* to allocation flags; -EINVAL for an address width that leaves no page.
constexpr bool parse_mem_flags(u32 mem_flags, AllocFlags& flags) {
    const u32 bits = XENMEMF_get_address_bits(mem_flags);
    if (bits != 0 && bits <= page_shift) return false;
    flags.max_address_bits = bits == 0 || bits > 64 ? 64 : bits;
    const u32 node = (mem_flags >> 8) & 0xff; // XENMEMF_node(n) stores n + 1, so 0 means none
    if (node != 0 && !(mem_flags & XENMEMF_vnode)) {
        flags.node = static_cast<int>(node) - 1;
        flags.exact_node = (mem_flags & XENMEMF_exact_node_request) != 0;
    }
    return true;
}

/// XENMEM_exchange's lists: both sides name the same number of pages, and no multiplication wraps.
constexpr bool exchange_shape_ok(u64 in_count, u32 in_order, u64 out_count, u32 out_order, u64 done) {
    return extents_fit(in_count, in_order) && extents_fit(out_count, out_order) &&
           (in_count << in_order) == (out_count << out_order) && done <= in_count &&
           // progress is made in whole extents of the larger kind
           (in_order >= out_order || (done & ((u64{1} << (out_order - in_order)) - 1)) == 0);
}

} // namespace hv
