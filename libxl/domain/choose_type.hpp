// SPDX-License-Identifier: MIT
// Which type of guest a configuration means, when it does not say: decided from kernel, disks and
// host, and explained.
#pragma once

#include "libxl/types/domain_config.hpp"
#include "xc/image.hpp"

namespace hospes::xl {

struct HostCaps {
    bool pv = false, hvm = false, hap = false;
};

struct TypeChoice {
    DomainType type = DomainType::invalid;
    std::string reason; ///< one line for the user
};

/// `kernel` is null when the configuration names none. An explicit type is checked: the error says
/// which condition fails.
Result<TypeChoice> choose_type(const DomainConfig& config, const xc::KernelImage* kernel, const HostCaps& host);

} // namespace hospes::xl
