// SPDX-License-Identifier: MIT
// The two syntaxes of cpuid= in xl.cfg(5). Names of features come from Xen's public
// arch-x86/cpufeatureset.h, with the older names that libxl still takes.
#pragma once

#include <string_view>

#include "libxl/types/basic.hpp"
#include "xc/result.hpp"

namespace hospes::xl {

/// "host,tm=0,sse3=k,family=6": a value per feature or field. Adds to `out`; on an error `out` is unchanged.
Status parse_cpuid_flags(std::string_view text, CpuPolicy& out);
/// One string of the xend form: "LEAF[,SUBLEAF]:REG=32 characters,...". On an error `out` is unchanged.
Status parse_cpuid_leaf(std::string_view text, CpuPolicy& out);

} // namespace hospes::xl
