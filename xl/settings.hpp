// SPDX-License-Identifier: MIT
// /etc/xen/xl.conf (xl.conf(5)): defaults of the host for all guests.
#pragma once

#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "libxl/types/domain_config.hpp"
#include "xl/config/ast.hpp"
#include "xl/config/to_domain.hpp"

namespace hospes::cli {

struct Settings {
    enum class Balloon { automatic, off, on };
    Balloon autoballoon = Balloon::automatic;
    bool random_domids = false;
    bool run_hotplug_scripts = true;
    bool claim = true;
    bool sxp = false; ///< output_format
    std::string lockfile = "/var/lock/xl";
    std::string vif_script, vif_bridge, vif_gateway, vif_backend;
    std::string netbuf_script, colo_script;
    std::string blkdev_start;
    std::optional<unsigned> max_grant_frames, max_maptrack_frames, max_grant_version;
    std::string cpumask, pv_cpumask, hvm_cpumask; ///< CPU lists as in cpus=
    std::vector<std::string> warnings;            ///< lines for the user

    /// What xl.cfg's translation wants to know.
    [[nodiscard]] cfg::Defaults defaults() const;
    /// Puts the defaults where a configuration says nothing.
    void complete(xl::DomainConfig& config) const;
};

/// A malformed file is an error, an unknown key a warning.
std::variant<Settings, cfg::Diagnostic> parse_settings(std::string_view text, const std::string& file);
/// The host's file, $HOSPES_XL_CONF instead of it when set; that it is missing is a warning.
std::variant<Settings, cfg::Diagnostic> load_settings();

} // namespace hospes::cli
