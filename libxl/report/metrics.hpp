// SPDX-License-Identifier: MIT
// Figures of the host and its domains, for monitoring.
#pragma once

#include "libxl/core/host.hpp"

namespace hospes::xl::report {

/// Prometheus text of the host, the scheduler and every domain. `sys` is where sysfs is mounted (the counters of
/// virtual interfaces and disks come from there). A domain that dies meanwhile is left out.
Result<std::string> metrics(Host& host, const std::string& sys = "/sys");

} // namespace hospes::xl::report
