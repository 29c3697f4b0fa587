// SPDX-License-Identifier: MIT
#include "xl/command.hpp"

#include <cstdio>

#include "xl/output/domain_table.hpp"

namespace hospes::cli {
namespace {

class SharingCommand final : public Command {
  public:
    static constexpr std::string_view verb = "sharing";
    [[nodiscard]] std::string_view name() const override { return verb; }
    int run(Context& context, std::span<const std::string> arguments) override {
        if (arguments.size() > 1) return usage(exit_failure);
        std::vector<xl::DomainRow> rows;
        if (arguments.empty()) {
            rows = XL_TRY(xl::list_domains(context.host, {.type = context.json}));
        } else {
            auto row = xl::describe_domain_row(context.host, XL_DOMAIN(context, arguments[0]), {.type = context.json});
            if (!row) return complain("Error: Domain '%s' does not exist.", arguments[0].c_str());
            rows.push_back(*std::move(row));
        }
        if (context.json) {
            output::Json json(stdout);
            output::domain_json(json, rows);
        } else {
            std::fputs(output::sharing_table(rows).c_str(), stdout);
        }
        return exit_success;
    }
};

const Register<SharingCommand> sharing_registration;

} // namespace
} // namespace hospes::cli
