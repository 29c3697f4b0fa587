// SPDX-License-Identifier: MIT
// The families of HYPERVISOR_memory_op (internal to core/memory_op).
#pragma once

#include "abi/xen.hpp"
#include "core/domain/domain.hpp"
#include "core/hypercall/guest_ptr.hpp"
#include "core/hypercall/table.hpp"
#include "core/memory_op/extents.hpp"

namespace hv::memory_op {

/// Largest extent that `caller` may ask for: big contiguous chunks are scarce.
u32 max_extent_order(const Domain& caller);

Result<s64> reservation(HypercallArgs& args, u32 command, u64 start);
Result<s64> exchange(HypercallArgs& args);
Result<s64> claim(u64 arg);
Result<s64> acquire_resource(HypercallArgs& args, u64 start);
Result<s64> memory_map(u64 arg);
Result<s64> set_memory_map(u64 arg);
Result<s64> machine_memory_map(u64 arg);
Result<s64> machphys_mapping(u64 arg);
Result<s64> machphys_mfn_list(u64 arg);
Result<s64> reserved_device_memory_map(u64 arg);

} // namespace hv::memory_op
