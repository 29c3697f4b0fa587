// SPDX-License-Identifier: MIT
// Lists of CPUs and nodes as xl.cfg(5) and xl(1) write them: "0-3,^1", "all,^5-8", "nodes:0-1,^node:1".
#pragma once

#include <string_view>
#include <vector>

#include "libxl/types/basic.hpp"
#include "xc/result.hpp"

namespace hospes::xl {

/// Node of each CPU of the host, by CPU number; empty when the host is not known.
using CpuTopology = std::vector<unsigned>;

/// CPU numbers are below this; Xen itself builds for fewer.
inline constexpr unsigned cpu_limit = 4096;

/// Items are taken from left to right: a range adds, ^ before it takes away. An empty result is an error.
/// "all" without a topology means every possible CPU; nodes need a topology.
Result<Bitmap> parse_cpu_list(std::string_view text, const CpuTopology& topology);

/// Plain numbers and ranges, without ^, all and nodes: vCPU lists of vnuma=.
Result<Bitmap> parse_ranges(std::string_view text);

} // namespace hospes::xl
