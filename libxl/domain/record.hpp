// SPDX-License-Identifier: MIT
// The configuration a domain was created with, kept beside it as JSON
// (/var/lib/xen/userdata-d.ID.UUID.libxl-json).
#pragma once

#include "libxl/types/domain_config.hpp"
#include "xc/abi.hpp"
#include "xc/result.hpp"

namespace hospes::xl {

/// Where records live; $HOSPES_STATE_DIR for tests.
std::string state_directory();
Status save_record(xc::DomId domain, const DomainConfig& config);
Result<DomainConfig> load_record(xc::DomId domain);
void forget_record(xc::DomId domain);

} // namespace hospes::xl
