// SPDX-License-Identifier: MIT
#include "xl/config/to_domain.hpp"

#include <array>

#include "xl/config/keys.hpp"
#include "xl/config/parser.hpp"

namespace hospes::cfg {
namespace {

std::array<std::span<const Key>, 5> all_keys() {
    return {general_keys(), hvm_keys(), device_keys(), passthrough_keys(), media_keys()};
}

Diagnostic diagnose(const File& file, Place place, std::string message, std::string hint) {
    Diagnostic out{file.name, place, std::move(message), {}, std::move(hint)};
    if (place.line >= 1 && place.line <= file.lines.size()) out.source_line = file.lines[place.line - 1];
    return out;
}

std::string did_you_mean(const std::string& wrong_name) {
    const std::string close = closest_name(wrong_name, key_names());
    return close.empty() ? "" : "did you mean '" + close + "'?";
}

std::optional<Diagnostic> settle_memory(const File& file, Draft& d) {
    xl::BuildInfo& b = d.config.b_info;
    if (d.memory_mib) b.max_memkb = b.target_memkb = *d.memory_mib * 1024;
    if (d.maxmem_mib) b.max_memkb = *d.maxmem_mib * 1024;
    if (!b.target_memkb.is_default() && b.max_memkb < b.target_memkb)
        return diagnose(file, file.find("maxmem")->place, "maxmem is smaller than memory", "raise maxmem or drop it");
    return std::nullopt;
}

std::optional<Diagnostic> settle_kernel(const File& file, Draft& d) {
    xl::BuildInfo& b = d.config.b_info;
    if (d.firmware && !b.kernel.empty() && d.config.c_info.type != xl::DomainType::hvm)
        return diagnose(file, d.firmware->place, "kernel= and firmware= exclude each other", "drop one of them");
    if (d.cmdline) {
        if (!d.root.empty() || !d.extra.empty())
            d.warn(*d.cmdline,
                   "root= and extra= are ignored because there is a cmdline=", "put all of it into cmdline=");
        return std::nullopt;
    }
    if (!d.root.empty()) b.cmdline = "root=" + d.root;
    if (!d.extra.empty()) b.cmdline += (b.cmdline.empty() ? "" : " ") + d.extra;
    return std::nullopt;
}

/// What depends on more than one key.
std::optional<Diagnostic> settle(const File& file, Draft& d) {
    if (d.config.c_info.name.empty()) return diagnose(file, {}, "the guest has no name", "add name = \"...\"");
    if (auto bad = settle_memory(file, d)) return bad;
    if (auto bad = settle_kernel(file, d)) return bad;
    if (d.maxvcpus && d.vcpus && *d.maxvcpus < *d.vcpus)
        return diagnose(file, file.find("maxvcpus")->place, "maxvcpus is smaller than vcpus",
                        "raise maxvcpus or drop it");
    struct Step {
        const char* key;
        Outcome (*run)(Draft&);
    };
    for (const Step step :
         {Step{"cpus", settle_cpus}, Step{"vnuma", settle_vnuma}, Step{"pci", settle_pci}, Step{"vif", settle_devices}})
        if (const Outcome bad = step.run(d)) {
            const Setting* const setting = file.find(step.key);
            const Place place = bad->place.line || !setting ? bad->place : setting->place;
            return diagnose(file, place, (setting ? setting->name + ": " : "") + bad->message, bad->hint);
        }
    if (d.config.b_info.claim_mode.is_default()) d.config.b_info.claim_mode = d.defaults.claim;
    if (d.config.c_info.run_hotplug_scripts.is_default())
        d.config.c_info.run_hotplug_scripts = d.defaults.run_hotplug_scripts;
    return std::nullopt;
}

/// A word for a setting that will change nothing, or empty.
std::string without_effect(const Key& key, xl::DomainType type) {
    const std::string name = "setting '" + std::string(key.name) + "' ";
    switch (key.effect) {
    case Effect::yes: return {};
    case Effect::none: return name + "has no effect in this version";
    case Effect::arm: return name + "is for Arm hosts and has no effect here";
    case Effect::display:
        if (type == xl::DomainType::pvh) return name + "has no effect on a PVH guest: vfb= gives it a framebuffer";
        return {};
    case Effect::hvm:
        if (type == xl::DomainType::pv || type == xl::DomainType::pvh)
            return name + "is for HVM guests and has no effect on this one";
        return {};
    }
    return {};
}

const Key* find_key(std::string_view name) {
    for (const std::span<const Key> keys : all_keys())
        for (const Key& key : keys)
            if (key.name == name) return &key;
    return nullptr;
}

std::optional<Diagnostic> translate(const File& file, const Defaults& defaults, Translation& out) {
    Draft draft(out.config, defaults);
    for (const Setting& setting : file.settings) {
        const Key* const known = find_key(setting.name);
        if (!known) {
            out.warnings.push_back(diagnose(file, setting.place, "unknown setting '" + setting.name + "' is ignored",
                                            did_you_mean(setting.name)));
            continue;
        }
        if (!known->apply) continue;
        const std::size_t before = draft.warnings.size();
        if (const Outcome bad = known->apply(draft, setting.value))
            return diagnose(file, bad->place, setting.name + ": " + bad->message, bad->hint);
        for (std::size_t i = before; i < draft.warnings.size(); ++i)
            draft.warnings[i].message = setting.name + ": " + draft.warnings[i].message;
    }
    if (auto bad = settle(file, draft)) return bad;
    for (const Setting& setting : file.settings) {
        const Key* const known = find_key(setting.name);
        const std::string word = known ? without_effect(*known, draft.config.c_info.type) : "";
        if (!word.empty()) out.warnings.push_back(diagnose(file, setting.place, word, ""));
    }
    for (Problem& warning : draft.warnings)
        out.warnings.push_back(diagnose(file, warning.place, std::move(warning.message), std::move(warning.hint)));
    return std::nullopt;
}

} // namespace

std::vector<std::string_view> key_names() {
    std::vector<std::string_view> names;
    for (const std::span<const Key> keys : all_keys())
        for (const Key& key : keys)
            names.push_back(key.name);
    return names;
}

std::variant<Translation, Diagnostic> to_domain_config(const File& file, const Defaults& defaults) {
    std::variant<Translation, Diagnostic> result; // filled where the caller keeps it
    if (auto bad = translate(file, defaults, std::get<Translation>(result))) result = *std::move(bad);
    return result;
}

} // namespace hospes::cfg
