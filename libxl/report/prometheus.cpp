// SPDX-License-Identifier: MIT
#include "libxl/report/prometheus.hpp"

#include <cstdio>

namespace hospes::xl::report {
namespace {

std::string escaped(std::string_view text) {
    std::string out;
    for (const char c : text) {
        if (c == '\\' || c == '"') out += '\\';
        if (c == '\n')
            out += "\\n";
        else
            out += c;
    }
    return out;
}

} // namespace

void Prometheus::family(std::string_view name, std::string_view kind, std::string_view help) {
    name_ = name;
    text_ += "# HELP " + name_ + " " + std::string(help) + "\n# TYPE " + name_ + " " + std::string(kind) + "\n";
}

void Prometheus::sample(Labels labels, double value) {
    char digits[40];
    std::snprintf(digits, sizeof digits, "%.9f", value);
    line(labels, digits);
}

void Prometheus::line(Labels labels, std::string_view value) {
    text_ += name_;
    char before = '{';
    for (const auto& [key, word] : labels) {
        text_ += before;
        text_ += std::string(key) + "=\"" + escaped(word) + "\"";
        before = ',';
    }
    if (before == ',') text_ += '}';
    text_ += ' ';
    text_ += value;
    text_ += '\n';
}

} // namespace hospes::xl::report
