// SPDX-License-Identifier: MIT
#include "xl/command.hpp"

namespace hospes::cli {
namespace {

class PauseCommand final : public Command {
  public:
    static constexpr std::string_view verb = "pause";
    [[nodiscard]] std::string_view name() const override { return verb; }
    [[nodiscard]] unsigned required_arguments() const override { return 1; }
    int run(Context& context, std::span<const std::string> arguments) override {
        const xc::DomId domain = XL_DOMAIN(context, arguments[0]);
        xc::Control* const control = XL_TRY(context.host.control());
        XL_TRY(control->pause(domain));
        return exit_success;
    }
};

const Register<PauseCommand> pause_registration;

} // namespace
} // namespace hospes::cli
