// SPDX-License-Identifier: MIT
#include "xl/command.hpp"

#include <cstdio>

#include "xl/output/domain_table.hpp"

namespace hospes::cli {
namespace {

class VmListCommand final : public Command {
  public:
    static constexpr std::string_view verb = "vm-list";
    [[nodiscard]] std::string_view name() const override { return verb; }
    int run(Context& context, std::span<const std::string>) override {
        const auto rows = XL_TRY(xl::list_domains(context.host, {.type = context.json}));
        if (context.json) {
            output::Json json(stdout);
            output::domain_json(json, rows);
        } else {
            std::fputs(output::vm_table(rows).c_str(), stdout);
        }
        return exit_success;
    }
};

const Register<VmListCommand> vm_list_registration;

} // namespace
} // namespace hospes::cli
