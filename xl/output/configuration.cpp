// SPDX-License-Identifier: MIT
#include "xl/output/configuration.hpp"

#include "libxl/types/json.hpp"

namespace hospes::output {
namespace {

/// A JSON text moved to the right; no string in it holds a line break as such.
std::string indented(std::string_view json, std::size_t spaces) {
    std::string out;
    for (const char c : json) {
        out += c;
        if (c == '\n') out.append(spaces, ' ');
    }
    // yajl leaves the line inside an empty object empty, too.
    const std::string blank = "\n" + std::string(spaces, ' ') + "\n";
    for (std::size_t at; (at = out.find(blank)) != std::string::npos;)
        out.replace(at, blank.size(), "\n\n");
    return out;
}

std::string trimmed(std::string text) {
    while (text.ends_with('\n'))
        text.pop_back();
    return text;
}

} // namespace

std::string configuration_text(std::optional<xc::DomId> domain, const xl::DomainConfig& config) {
    return "{\n    \"domid\": " + (domain ? std::to_string(*domain) : "null") +
           ",\n    \"config\": " + indented(trimmed(to_json(config)), 4) + "\n}\n";
}

std::string configurations_text(const std::vector<std::pair<xc::DomId, xl::DomainConfig>>& all) {
    if (all.empty()) return "[\n\n]\n\n";
    std::string out = "[";
    const char* separator = "\n    ";
    for (const auto& [domain, config] : all) {
        out += separator + indented(trimmed(configuration_text(domain, config)), 4);
        separator = ",\n    ";
    }
    return out + "\n]\n\n"; // the stock tool ends the text with the generator's newline and its own
}

} // namespace hospes::output
