// SPDX-License-Identifier: MIT
// From a parsed xl.cfg(5) file to the domain configuration. Every documented key is known; one that
// has no effect yet is warned about by name, an unknown one gets "did you mean".
#pragma once

#include "libxl/device/disk_spec.hpp"
#include "libxl/types/domain_config.hpp"
#include "xl/config/ast.hpp"

namespace hospes::cfg {

struct Defaults { // from xl.conf(5)
    xl::NicDefaults nic;
    bool claim = true;
};

struct Translation {
    xl::DomainConfig config;
    std::vector<Diagnostic> warnings;
};

std::variant<Translation, Diagnostic> to_domain_config(const File& file, const Defaults& defaults);

} // namespace hospes::cfg
