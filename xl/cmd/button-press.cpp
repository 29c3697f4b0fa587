// SPDX-License-Identifier: MIT
#include "xl/command.hpp"

namespace hospes::cli {
namespace {

class ButtonPressCommand final : public Command {
  public:
    static constexpr std::string_view verb = "button-press";
    [[nodiscard]] std::string_view name() const override { return verb; }
    [[nodiscard]] unsigned required_arguments() const override { return 2; }
    int run(Context& context, std::span<const std::string> arguments) override {
        complain("WARNING: \"button-press\" is deprecated. Please use \"trigger\"");
        const xc::DomId domain = XL_DOMAIN(context, arguments[0]);
        if (arguments[1] != "power" && arguments[1] != "sleep")
            return complain("%s is an invalid button identifier", arguments[1].c_str());
        xc::Control* const control = XL_TRY(context.host.control());
        XL_TRY(control->send_trigger(
            domain, arguments[1] == "power" ? XEN_DOMCTL_SENDTRIGGER_POWER : XEN_DOMCTL_SENDTRIGGER_SLEEP, 0));
        return exit_success;
    }
};

const Register<ButtonPressCommand> button_press_registration;

} // namespace
} // namespace hospes::cli
