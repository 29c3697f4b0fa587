// SPDX-License-Identifier: MIT
// A guest's configuration as create and config-update take it: a file, and KEY=VALUE arguments that
// come after it and win; completed with the defaults of xl.conf.
#pragma once

#include <memory>
#include <span>

#include "xl/command.hpp"
#include "xl/config/to_domain.hpp"

namespace hospes::cli {

class GuestFile {
  public:
    explicit GuestFile(Context& context) : context_(context) {}

    /// Sorts the arguments into the file's name and overrides; `named` is what -f gave. exit_usage
    /// when there is more than one file.
    int take_arguments(std::span<const std::string> arguments, const std::string& named);
    /// Reads and translates; complains, and answers the exit code of the stock xl. `tell`: "Parsing
    /// config from FILE" on stderr.
    int read(bool tell);

    [[nodiscard]] const std::string& name() const { return name_; }
    /// After read().
    [[nodiscard]] xl::DomainConfig& config() { return std::get<cfg::Translation>(*translated_).config; }

  private:
    Context& context_;
    std::string name_;
    std::vector<std::string> overrides_;
    std::unique_ptr<std::variant<cfg::Translation, cfg::Diagnostic>> translated_;
};

} // namespace hospes::cli
