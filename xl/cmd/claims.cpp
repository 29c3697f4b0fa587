// SPDX-License-Identifier: MIT
#include "xl/command.hpp"

#include <cstdio>

#include "xl/output/domain_table.hpp"

namespace hospes::cli {
namespace {

class ClaimsCommand final : public Command {
  public:
    static constexpr std::string_view verb = "claims";
    [[nodiscard]] std::string_view name() const override { return verb; }
    int run(Context& context, std::span<const std::string>) override {
        if (!context.settings.claim) complain("claim_mode not enabled (see man xl.conf).");
        const auto rows = XL_TRY(xl::list_domains(context.host, {.type = context.json}));
        if (context.json) {
            output::Json json(stdout);
            output::domain_json(json, rows);
        } else {
            std::fputs(output::domain_table(rows, {.claims = true}).c_str(), stdout);
        }
        return exit_success;
    }
};

const Register<ClaimsCommand> claims_registration;

} // namespace
} // namespace hospes::cli
