// SPDX-License-Identifier: MIT
#include "xl/command.hpp"

#include <cstdio>

#include "libxl/device/spec_text.hpp"
#include "libxl/host/domains.hpp"
#include "xl/output/json.hpp"

namespace hospes::cli {
namespace {

class DomnameCommand final : public Command {
  public:
    static constexpr std::string_view verb = "domname";
    [[nodiscard]] std::string_view name() const override { return verb; }
    [[nodiscard]] unsigned required_arguments() const override { return 1; }
    int run(Context& context, std::span<const std::string> arguments) override {
        const auto domain = xl::to_number<xc::DomId>(arguments[0]);
        if (!domain) return complain("Invalid domain id.\n");
        const auto row = xl::describe_domain_row(context.host, *domain);
        if (!row)
            return complain("Can't get domain name of domain id '%u', maybe this domain does not exist.", *domain);
        if (context.json) {
            output::Json json(stdout);
            json.value(row->name);
        } else {
            std::printf("%s\n", row->name.c_str());
        }
        return exit_success;
    }
};

const Register<DomnameCommand> domname_registration;

} // namespace
} // namespace hospes::cli
