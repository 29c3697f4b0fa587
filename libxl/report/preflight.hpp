// SPDX-License-Identifier: MIT
// Is this host fit to run guests? What `xl check` asks.
#pragma once

#include <string>
#include <vector>

#include "libxl/core/host.hpp"

namespace hospes::xl::report {

struct Check {
    enum class Verdict { good, warning, bad };
    std::string name;
    Verdict verdict = Verdict::good;
    std::string finding; ///< one line
    std::string hint;    ///< the next step, unless all is well
};

struct PreflightOptions {
    std::string root; ///< before /sys, /dev, /proc...: for tests
    std::string console_socket = "/run/xen/consoled.sock";
};

/// All checks, in the order in which they build on each other; none of them changes anything.
std::vector<Check> preflight(Host& host, const PreflightOptions& options = {});

} // namespace hospes::xl::report
