// SPDX-License-Identifier: MIT
// The configuration of a domain that runs, whoever created it.
#pragma once

#include "libxl/core/host.hpp"
#include "libxl/types/domain_config.hpp"

namespace hospes::xl {

/// The record brought up to date (domain/record.hpp) with the present scheduler parameters. A domain
/// without a record (domain 0, other tools') gets what hypervisor and store know.
Result<DomainConfig> running_config(Host& host, xc::DomId domain);

} // namespace hospes::xl
