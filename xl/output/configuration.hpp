// SPDX-License-Identifier: MIT
// Configurations as `xl list -l` and `xl create -n` print them: {"domid": N, "config": {...}}.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "libxl/types/domain_config.hpp"
#include "xc/abi.hpp"

namespace hospes::output {

/// `domain` empty: null, for one that does not exist yet.
std::string configuration_text(std::optional<xc::DomId> domain, const xl::DomainConfig& config);
std::string configurations_text(const std::vector<std::pair<xc::DomId, xl::DomainConfig>>& all);

} // namespace hospes::output
