// SPDX-License-Identifier: MIT
// HYPERVISOR_grant_table_op.
#include "core/grant/table.hpp"

namespace hv {

static Status run(u32 command, u64& args, u64& count) {
    switch (command) {
    case GNTTABOP_map_grant_ref: return grant_op::map(args, count);
    case GNTTABOP_unmap_grant_ref: return grant_op::unmap(args, count);
    case GNTTABOP_copy: return grant_op::copy(args, count);
    case GNTTABOP_unmap_and_replace: return grant_op::unmap_and_replace(args, count);
    case GNTTABOP_transfer: return grant_op::transfer(args, count);
    case GNTTABOP_swap_grant_ref: return grant_op::swap_refs(args, count);
    case GNTTABOP_cache_flush: return grant_op::cache_flush(args, count);
    case GNTTABOP_setup_table: return count == 1 ? grant_op::setup_table(args) : Status{Errno::inval};
    case GNTTABOP_query_size: return count == 1 ? grant_op::query_size(args) : Status{Errno::inval};
    case GNTTABOP_get_status_frames: return count == 1 ? grant_op::get_status_frames(args) : Status{Errno::inval};
    case GNTTABOP_set_version: return grant_op::set_version(args);
    case GNTTABOP_get_version: return grant_op::get_version(args);
    default: return Errno::nosys;
    }
}

Result<s64> hypercall::grant_table_op(HypercallArgs& args) {
    u64 count = static_cast<u32>(args.a[2]);
    if (count >> 31) return Errno::inval;
    const Status status = run(static_cast<u32>(args.a[0]), args.a[1], count);
    args.a[2] = count; // what is left, for a restart
    TRY(status);
    return 0;
}

} // namespace hv
