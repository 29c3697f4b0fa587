// SPDX-License-Identifier: MIT
// Sets of CPUs and nodes: as the tools print them, as users write them, as hypercalls carry them.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "libxl/types/basic.hpp"
#include "xc/control.hpp"

namespace hospes::xl {

/// What the tools print for the first `size` members: "all", "none", "0-2,5".
std::string set_text(const Bitmap& set, unsigned size);

/// A list as in vcpu-pin and cpus=: comma separated CPUs "3", ranges "0-3", "node:1" or "nodes:0-1"
/// for all CPUs of nodes, "all"; "^" before one of them takes it out again. `node_of[cpu]` is the
/// machine's layout. The error's cause names the part that is wrong.
Result<Bitmap> parse_cpu_list(std::string_view text, const std::vector<unsigned>& node_of);

xc::BitWords to_words(const Bitmap& set, unsigned size);
Bitmap from_words(const xc::BitWords& words, unsigned size);

} // namespace hospes::xl
