// SPDX-License-Identifier: MIT
#pragma once

#include "libxl/types/domain_config.hpp"

namespace hospes::xl {

/// Fills in what a configuration left open and what does not depend on the host: one vCPU, 32 MiB (as
/// libxl does), memory equal to its maximum, device numbers,
/// the bridge xenbr0.
void apply_defaults(DomainConfig& config);

} // namespace hospes::xl
