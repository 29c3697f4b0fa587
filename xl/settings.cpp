// SPDX-License-Identifier: MIT
#include "xl/settings.hpp"

#include <cstdlib>
#include <cstring>

#include "libxl/device/spec_text.hpp"
#include "xc/image.hpp"
#include "xl/config/parser.hpp"

namespace hospes::cli {
namespace {

struct Key {
    std::string_view name;
    /// What is wrong with the value; empty when nothing is.
    std::string (*apply)(Settings&, const std::string& value);
};

template <std::string Settings::*field> std::string text(Settings& s, const std::string& value) {
    s.*field = value;
    return {};
}

template <bool Settings::*field> std::string flag(Settings& s, const std::string& value) {
    const auto number = xl::to_number<long>(value);
    if (!number) return "0 or 1 is wanted";
    s.*field = *number != 0;
    return {};
}

template <std::optional<unsigned> Settings::*field> std::string number(Settings& s, const std::string& value) {
    s.*field = xl::to_number<unsigned>(value);
    return s.*field ? "" : "a number is wanted";
}

std::string balloon(Settings& s, const std::string& value) {
    if (value == "on" || value == "1") {
        s.autoballoon = Settings::Balloon::on;
    } else if (value == "off" || value == "0") {
        s.autoballoon = Settings::Balloon::off;
    } else if (value == "auto") {
        s.autoballoon = Settings::Balloon::automatic;
    } else {
        return "on, off or auto is wanted";
    }
    return {};
}

std::string policy(Settings& s, const std::string& value) {
    s.random_domids = value == "random";
    return value == "xen" || value == "random" ? "" : "xen or random is wanted";
}

std::string format(Settings& s, const std::string& value) {
    s.sxp = value == "sxp";
    if (s.sxp) s.warnings.emplace_back("output_format=\"sxp\" is not supported: JSON is printed");
    return s.sxp || value == "json" ? "" : "json or sxp is wanted";
}

template <std::string Settings::*field> std::string renamed(Settings& s, const std::string& value) {
    const bool script = field == &Settings::vif_script;
    s.warnings.push_back(std::string("the global config option ") + (script ? "vifscript" : "defaultbridge") +
                         " is deprecated, please switch to " + (script ? "vif.default.script" : "vif.default.bridge"));
    if ((s.*field).empty()) s.*field = value;
    return {};
}

constexpr Key keys[] = {
    {"autoballoon", balloon},
    {"domid_policy", policy},
    {"run_hotplug_scripts", flag<&Settings::run_hotplug_scripts>},
    {"lockfile", text<&Settings::lockfile>},
    {"max_grant_frames", number<&Settings::max_grant_frames>},
    {"max_maptrack_frames", number<&Settings::max_maptrack_frames>},
    {"max_grant_version", number<&Settings::max_grant_version>},
    {"vif.default.script", text<&Settings::vif_script>},
    {"vif.default.bridge", text<&Settings::vif_bridge>},
    {"vif.default.gatewaydev", text<&Settings::vif_gateway>},
    {"vif.default.backend", text<&Settings::vif_backend>},
    {"vifscript", renamed<&Settings::vif_script>},
    {"defaultbridge", renamed<&Settings::vif_bridge>},
    {"remus.default.netbufscript", text<&Settings::netbuf_script>},
    {"colo.default.proxyscript", text<&Settings::colo_script>},
    {"output_format", format},
    {"blkdev_start", text<&Settings::blkdev_start>},
    {"claim_mode", flag<&Settings::claim>},
    {"vm.cpumask", text<&Settings::cpumask>},
    {"vm.pv.cpumask", text<&Settings::pv_cpumask>},
    {"vm.hvm.cpumask", text<&Settings::hvm_cpumask>},
};

std::string unknown(const std::string& file, const cfg::Setting& setting) {
    std::vector<std::string_view> names;
    for (const Key& key : keys)
        names.push_back(key.name);
    const std::string close = cfg::closest_name(setting.name, names);
    return file + ":" + std::to_string(setting.place.line) + ": unknown setting '" + setting.name + "' is ignored" +
           (close.empty() ? "" : "; did you mean '" + close + "'?");
}

cfg::Diagnostic bad_value(const cfg::File& file, const cfg::Setting& setting, const std::string& why) {
    cfg::Diagnostic out{file.name, setting.value.place, setting.name + ": " + why, {}, {}};
    if (out.place.line >= 1 && out.place.line <= file.lines.size()) out.source_line = file.lines[out.place.line - 1];
    return out;
}

} // namespace

std::variant<Settings, cfg::Diagnostic> parse_settings(std::string_view content, const std::string& name) {
    auto parsed = cfg::parse(content, name);
    if (auto* bad = std::get_if<cfg::Diagnostic>(&parsed)) return std::move(*bad);
    const cfg::File& file = std::get<cfg::File>(parsed);
    Settings settings;
    for (const cfg::Setting& setting : file.settings) {
        const Key* known = nullptr;
        for (const Key& key : keys)
            if (key.name == setting.name) known = &key;
        if (!known) {
            settings.warnings.push_back(unknown(name, setting));
            continue;
        }
        if (setting.value.is_list()) return bad_value(file, setting, "one value is wanted, not a list");
        if (const std::string why = known->apply(settings, setting.value.text()); !why.empty())
            return bad_value(file, setting, why);
    }
    return settings;
}

std::variant<Settings, cfg::Diagnostic> load_settings() {
    const char* const chosen = std::getenv("HOSPES_XL_CONF");
    const std::string file = chosen ? chosen : "/etc/xen/xl.conf";
    const auto bytes = xc::read_file(file, 1U << 20);
    if (!bytes) {
        Settings settings;
        settings.warnings.push_back("Failed to read config file: " + file + ": " + std::strerror(bytes.problem().code));
        return settings;
    }
    return parse_settings({reinterpret_cast<const char*>(bytes->data()), bytes->size()}, file);
}

cfg::Defaults Settings::defaults() const {
    cfg::Defaults out;
    if (!vif_bridge.empty()) out.nic.bridge = vif_bridge;
    out.nic.script = vif_script;
    out.nic.gatewaydev = vif_gateway;
    out.claim = claim;
    out.run_hotplug_scripts = run_hotplug_scripts;
    return out;
}

void Settings::complete(xl::DomainConfig& config) const {
    xl::BuildInfo& b = config.b_info;
    if (max_grant_frames && b.max_grant_frames.is_default()) b.max_grant_frames = *max_grant_frames;
    if (max_maptrack_frames && b.max_maptrack_frames.is_default()) b.max_maptrack_frames = *max_maptrack_frames;
    if (max_grant_version && b.max_grant_version.is_default())
        b.max_grant_version = static_cast<int>(*max_grant_version);
    if (b.blkdev_start.empty()) b.blkdev_start = blkdev_start;
    if (!run_hotplug_scripts) config.c_info.run_hotplug_scripts.set_if_default(false);
    for (xl::DeviceNic& nic : config.nics)
        if (nic.backend_domname.empty() && nic.backend_domid == 0) nic.backend_domname = vif_backend;
}

} // namespace hospes::cli
