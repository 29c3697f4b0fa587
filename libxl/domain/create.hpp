// SPDX-License-Identifier: MIT
// Creating domains. Creation goes through named stages; whatever fails, everything done so far is undone.
#pragma once

#include <functional>

#include "libxl/core/wait.hpp"
#include "libxl/domain/choose_type.hpp"
#include "libxl/domain/lifecycle.hpp"
#include "libxl/types/domain_config.hpp"

namespace hospes::xl {

struct CreateOptions {
    bool paused = false;
    /// Told before each stage begins, with its name; for progress display.
    std::function<void(std::string_view stage)> progress;
    int device_timeout_ms = 10000;
};

struct CreatedDomain {
    xc::DomId domain = 0;
    TypeChoice type;
    std::vector<std::pair<std::string, double>> stages; ///< name and seconds
};

Result<CreatedDomain> create_domain(Host& host, DomainConfig config, const CreateOptions& options);

Result<HostCaps> host_caps(Host& host);

} // namespace hospes::xl
