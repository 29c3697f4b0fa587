// SPDX-License-Identifier: MIT
#include "xl/command.hpp"

#include "libxl/domain/lifecycle.hpp"

namespace hospes::cli {
namespace {

class SoftResetCommand final : public Command {
  public:
    static constexpr std::string_view verb = "soft-reset";
    [[nodiscard]] std::string_view name() const override { return verb; }
    [[nodiscard]] unsigned required_arguments() const override { return 1; }
    int run(Context& context, std::span<const std::string> arguments) override {
        const xc::DomId domain = XL_DOMAIN(context, arguments[0]);
        XL_TRY(xl::soft_reset_domain(context.host, domain));
        return exit_success;
    }
};

const Register<SoftResetCommand> soft_reset_registration;

} // namespace
} // namespace hospes::cli
