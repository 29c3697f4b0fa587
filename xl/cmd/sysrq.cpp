// SPDX-License-Identifier: MIT
#include "xl/command.hpp"

#include "libxl/domain/lifecycle.hpp"

namespace hospes::cli {
namespace {

class SysrqCommand final : public Command {
  public:
    static constexpr std::string_view verb = "sysrq";
    [[nodiscard]] std::string_view name() const override { return verb; }
    [[nodiscard]] unsigned required_arguments() const override { return 2; }
    int run(Context& context, std::span<const std::string> arguments) override {
        const xc::DomId domain = XL_DOMAIN(context, arguments[0]);
        if (arguments[1].size() != 1) {
            complain("Invalid sysrq.\n");
            return usage(exit_failure);
        }
        XL_TRY(xl::send_sysrq(context.host, domain, arguments[1][0]));
        return exit_success;
    }
};

const Register<SysrqCommand> sysrq_registration;

} // namespace
} // namespace hospes::cli
