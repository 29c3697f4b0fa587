// SPDX-License-Identifier: MIT
// Creating domains. Creation goes through named stages; whatever fails, everything done so far is undone.
#pragma once

#include <functional>

#include "libxl/core/wait.hpp"
#include "libxl/domain/choose_type.hpp"
#include "libxl/domain/intent.hpp"
#include "libxl/domain/lifecycle.hpp"
#include "libxl/types/domain_config.hpp"

namespace hospes::xl {

struct CreateOptions {
    bool paused = false;
    /// Told before each stage begins, with its name; for progress display.
    std::function<void(std::string_view stage)> progress;
    /// For a backend to answer; also for dom0 to give up memory.
    int device_timeout_ms = 10000;
    /// Everything is taken back when this is requested.
    const Cancel* cancel = nullptr;
    /// dom0 gives up memory that is missing (xl.conf's autoballoon).
    bool autoballoon = false;
    /// Who acts when the domain ends (domain/supervise.hpp). A supervisor that starts later finds it as well.
    Supervision supervision = Supervision::daemon;
};

struct CreatedDomain {
    xc::DomId domain = 0;
    TypeChoice type;
    std::vector<std::pair<std::string, double>> stages; ///< name and seconds
};

/// Stages: check the configuration, create the domain, attach devices, load the kernel, announce the domain, start the
/// guest. An error names the stage it came from. When it failed or was cancelled, nothing is left: no domain, no
/// node, no device, no file, dom0's memory as before. That also holds when the process is killed: the supervisor
/// (or the next one started) takes back what it left.
/// The configuration is used up: it is completed where it lies, for copies and moves of one were a fifth of the code
/// that `xl create` ran before its first hypercall.
Result<CreatedDomain> create_domain(Host& host, DomainConfig&& config, const CreateOptions& options);

Result<HostCaps> host_caps(Host& host);

} // namespace hospes::xl
