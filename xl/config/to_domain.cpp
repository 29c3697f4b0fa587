// SPDX-License-Identifier: MIT
#include "xl/config/to_domain.hpp"

#include "xl/config/keys.hpp"
#include "xl/config/parser.hpp"

namespace hospes::cfg {
namespace {

const std::vector<Key>& all_keys() {
    static const std::vector<Key> keys = [] {
        std::vector<Key> out;
        add_general_keys(out);
        add_hvm_keys(out);
        add_device_keys(out);
        return out;
    }();
    return keys;
}

Diagnostic diagnose(const File& file, Place place, std::string message, std::string hint) {
    Diagnostic out{file.name, place, std::move(message), {}, std::move(hint)};
    if (place.line >= 1 && place.line <= file.lines.size()) out.source_line = file.lines[place.line - 1];
    return out;
}

std::string did_you_mean(const std::string& wrong_name) {
    std::vector<std::string_view> names;
    for (const Key& key : all_keys())
        names.push_back(key.name);
    const std::string close = closest_name(wrong_name, names);
    return close.empty() ? "" : "did you mean '" + close + "'?";
}

/// What depends on more than one key.
std::optional<Diagnostic> settle(const File& file, Draft& d) {
    xl::BuildInfo& b = d.config.b_info;
    if (d.config.c_info.name.empty()) return diagnose(file, {}, "the guest has no name", "add name = \"...\"");
    if (d.config.c_info.name.find('/') != std::string::npos || d.config.c_info.name.size() > 255)
        return diagnose(file, file.find("name")->place, "a name has at most 255 characters and no '/'", "");

    const std::uint64_t memory = d.memory_mib.value_or(d.maxmem_mib.value_or(32));
    b.target_memkb = memory * 1024;
    b.max_memkb = d.maxmem_mib.value_or(memory) * 1024;
    if (b.max_memkb < b.target_memkb)
        return diagnose(file, file.find("maxmem")->place, "maxmem is smaller than memory", "raise maxmem or drop it");

    const int vcpus = d.vcpus.value_or(d.maxvcpus.value_or(1));
    b.max_vcpus = d.maxvcpus.value_or(vcpus);
    if (b.max_vcpus < vcpus)
        return diagnose(file, file.find("maxvcpus")->place, "maxvcpus is smaller than vcpus",
                        "raise maxvcpus or drop it");
    for (int vcpu = 0; vcpu < vcpus; ++vcpu)
        b.avail_vcpus.set(static_cast<unsigned>(vcpu));

    if (!d.have_cmdline) {
        if (!d.root.empty()) b.cmdline = "root=" + d.root;
        if (!d.extra.empty()) b.cmdline += (b.cmdline.empty() ? "" : " ") + d.extra;
    }
    if (b.claim_mode.is_default()) b.claim_mode = d.defaults.claim;
    for (std::size_t i = 0; i < d.config.nics.size(); ++i)
        if (d.config.nics[i].devid.is_default()) d.config.nics[i].devid = static_cast<int>(i);
    return std::nullopt;
}

} // namespace

std::variant<Translation, Diagnostic> to_domain_config(const File& file, const Defaults& defaults) {
    Draft draft;
    draft.defaults = defaults;
    Translation out;
    for (const Setting& setting : file.settings) {
        const Key* known = nullptr;
        for (const Key& key : all_keys())
            if (key.name == setting.name) known = &key;
        if (!known) {
            out.warnings.push_back(diagnose(file, setting.place, "unknown setting '" + setting.name + "' is ignored",
                                            did_you_mean(setting.name)));
            continue;
        }
        if (!known->apply) {
            out.warnings.push_back(
                diagnose(file, setting.place, "setting '" + setting.name + "' has no effect in this version", ""));
            continue;
        }
        if (const Outcome bad = known->apply(draft, setting.value))
            return diagnose(file, bad->place, setting.name + ": " + bad->message, bad->hint);
    }
    if (auto bad = settle(file, draft)) return *std::move(bad);
    out.config = std::move(draft.config);
    return out;
}

} // namespace hospes::cfg
