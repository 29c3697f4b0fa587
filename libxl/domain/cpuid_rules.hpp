// SPDX-License-Identifier: MIT
// cpuid= of a configuration as the builder's rules.
#pragma once

#include "libxl/types/basic.hpp"
#include "xc/cpu_policy.hpp"

namespace hospes::xl {

/// 1 sets, 0 clears, x leaves the default, k and s take the host's bit. A register text that is not 32
/// characters long says nothing.
std::vector<xc::CpuidRule> cpuid_rules(const CpuPolicy& policy);

} // namespace hospes::xl
