// SPDX-License-Identifier: MIT
// Prometheus' text exposition format 0.0.4 (https://prometheus.io/docs/instrumenting/exposition_formats/).
#pragma once

#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>

namespace hospes::xl::report {

/// Writes families one after the other; all samples of a family stand together.
class Prometheus {
  public:
    using Labels = std::initializer_list<std::pair<std::string_view, std::string>>;

    /// `kind` is "gauge" or "counter"; the name of a counter ends in _total.
    void family(std::string_view name, std::string_view kind, std::string_view help);
    void sample(Labels labels, double value);
    void sample(Labels labels, std::uint64_t value) { line(labels, std::to_string(value)); }
    [[nodiscard]] const std::string& text() const { return text_; }

  private:
    void line(Labels labels, std::string_view value);
    std::string text_, name_;
};

} // namespace hospes::xl::report
