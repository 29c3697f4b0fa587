// SPDX-License-Identifier: MIT
#pragma once

#include "core/hypercall/table.hpp"

namespace hv {

inline constexpr u64 hypercall_numbers = 56;
/// -ENOSYS for an unknown number. Errno::restart: `args` describe the rest (table.hpp).
Result<s64> hypercall_call(u64 number, HypercallArgs& args);
/// How many arguments the call has; a preempted one writes back only these.
unsigned hypercall_arg_count(u64 number);

} // namespace hv
