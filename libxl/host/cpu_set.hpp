// SPDX-License-Identifier: MIT
// Sets of CPUs and nodes: as the tools print them and as hypercalls carry them. As users write them:
// types/cpu_list.hpp.
#pragma once

#include <string>

#include "libxl/types/basic.hpp"
#include "xc/control.hpp"

namespace hospes::xl {

/// What the tools print for the first `size` members: "all", "none", "0-2,5".
std::string set_text(const Bitmap& set, unsigned size);

/// Without the members from `size` on: CPUs that the machine has not.
Bitmap within(const Bitmap& set, unsigned size);

xc::BitWords to_words(const Bitmap& set, unsigned size);
Bitmap from_words(const xc::BitWords& words, unsigned size);

} // namespace hospes::xl
