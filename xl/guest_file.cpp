// SPDX-License-Identifier: MIT
#include "xl/guest_file.hpp"

#include <cstring>

#include "libxl/host/domains.hpp"
#include "xc/image.hpp"
#include "xl/config/parser.hpp"

namespace hospes::cli {
namespace {

constexpr std::size_t size_limit = 1U << 20;
constexpr int exit_unreadable = 3; // libxl's ERROR_FAIL, which the stock xl answers here

int complain_of(const cfg::Diagnostic& bad) { return complain("xl: %s", bad.render().c_str()); }

} // namespace

int GuestFile::take_arguments(std::span<const std::string> arguments, const std::string& named) {
    name_ = named;
    for (const std::string& argument : arguments) {
        if (argument.find('=') != std::string::npos)
            overrides_.push_back(argument);
        else if (name_.empty())
            name_ = argument;
        else
            return exit_usage;
    }
    return exit_success;
}

int GuestFile::read(bool tell) {
    const auto bytes = xc::read_file(name_, size_limit);
    if (!bytes) {
        const Error& why = bytes.problem();
        complain("Failed to read config file: %s: %s", name_.c_str(),
                 why.code ? std::strerror(why.code) : why.cause.c_str());
        return exit_unreadable;
    }
    if (tell) complain("Parsing config from %s", name_.c_str());
    auto parsed = cfg::parse({reinterpret_cast<const char*>(bytes->data()), bytes->size()}, name_);
    if (const auto* bad = std::get_if<cfg::Diagnostic>(&parsed)) return complain_of(*bad);
    cfg::File& file = std::get<cfg::File>(parsed);
    for (const std::string& text : overrides_) {
        const auto applied = cfg::parse_override(file, text);
        if (const auto* bad = std::get_if<cfg::Diagnostic>(&applied)) return complain_of(*bad);
    }
    cfg::Defaults defaults = context_.settings.defaults();
    defaults.topology = [this] { // asked for only when the file names CPUs or nodes
        auto nodes = xl::node_of_cpus(context_.host);
        return nodes ? *std::move(nodes) : xl::CpuTopology();
    };
    // `new`, for make_unique() would move it.
    translated_.reset(new auto(cfg::to_domain_config(file, defaults)));
    if (const auto* bad = std::get_if<cfg::Diagnostic>(translated_.get())) return complain_of(*bad);
    for (const cfg::Diagnostic& warning : std::get<cfg::Translation>(*translated_).warnings)
        complain("xl: warning: %s", warning.render().c_str());
    context_.settings.complete(config());
    return exit_success;
}

} // namespace hospes::cli
