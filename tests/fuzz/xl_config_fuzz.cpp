// SPDX-License-Identifier: MIT
// xl.cfg files and command line overrides, up to the domain configuration and its JSON.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "libxl/types/defaults.hpp"
#include "libxl/types/json.hpp"
#include "xl/config/parser.hpp"
#include "xl/config/to_domain.hpp"

using namespace hospes;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    const std::size_t split = text.rfind('\x01'); // what follows is an override
    auto parsed = cfg::parse(text.substr(0, split), "fuzz");
    if (const auto* bad = std::get_if<cfg::Diagnostic>(&parsed)) return bad->render().empty() ? std::abort(), 0 : 0;
    cfg::File& file = std::get<cfg::File>(parsed);
    if (split != std::string_view::npos) static_cast<void>(cfg::parse_override(file, text.substr(split + 1)));
    cfg::Defaults defaults;
    defaults.topology = [] { return xl::CpuTopology{0, 0, 1, 1}; };
    auto translated = cfg::to_domain_config(file, defaults);
    if (auto* good = std::get_if<cfg::Translation>(&translated)) {
        xl::apply_defaults(good->config);
        if (xl::to_json(good->config).empty()) std::abort();
    }
    return 0;
}
