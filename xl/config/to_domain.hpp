// SPDX-License-Identifier: MIT
// From a parsed xl.cfg(5) file to the domain configuration. Every documented key is known; one that
// has no effect yet is warned about by name, an unknown one gets "did you mean".
#pragma once

#include <functional>

#include "libxl/device/disk_spec.hpp"
#include "libxl/types/cpu_list.hpp"
#include "libxl/types/domain_config.hpp"
#include "xl/config/ast.hpp"

namespace hospes::cfg {

struct Defaults {                    // from xl.conf(5), and from the host
    xl::NicDefaults nic{{}, {}, {}}; ///< libxl's own default is filled in by xl::apply_defaults()
    bool claim = true;
    bool run_hotplug_scripts = true;
    /// The host's CPUs and their nodes, asked for only when cpus= needs them; empty when not known.
    std::function<xl::CpuTopology()> topology;
};

struct Translation {
    xl::DomainConfig config; ///< what the file left open is still open: see libxl/types/defaults.hpp
    std::vector<Diagnostic> warnings;
};

std::variant<Translation, Diagnostic> to_domain_config(const File& file, const Defaults& defaults);

/// All keys that are known, for tests and completion.
std::vector<std::string_view> key_names();

} // namespace hospes::cfg
