// SPDX-License-Identifier: MIT
// `xl create --explain`: what creating a guest would choose and allocate, and why; nothing is done.
#pragma once

#include "libxl/types/domain_config.hpp"
#include "xl/command.hpp"

namespace hospes::cli {

/// Prints the plan; exit_failure when the guest could not be created as things are, with the reason.
int explain_creation(Context& context, const xl::DomainConfig& config);

} // namespace hospes::cli
