// SPDX-License-Identifier: MIT
// Hypercalls of which only the refusal is defined here.
#include "core/hypercall/table.hpp"

namespace hv {

Result<s64> hypercall::hvm_op(HypercallArgs&) { return Errno::nosys; }

/// Device-model operations act on HVM domains. Libraries probe with no buffers and expect success.
Result<s64> hypercall::dm_op(HypercallArgs& args_) {
    if (static_cast<u32>(args_.a[1]) == 0) return 0;
    return Errno::nosys;
}

Result<s64> hypercall::mca(HypercallArgs&) { return Errno::nosys; }

} // namespace hv
