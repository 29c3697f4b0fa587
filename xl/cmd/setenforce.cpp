// SPDX-License-Identifier: MIT
#include "xl/command.hpp"

#include "libxl/host/flask.hpp"
#include "xl/arguments.hpp"

namespace hospes::cli {
namespace {

class SetenforceCommand final : public Command {
  public:
    static constexpr std::string_view verb = "setenforce";
    [[nodiscard]] std::string_view name() const override { return verb; }
    int run(Context& context, std::span<const std::string> arguments) override {
        if (arguments.size() != 1) return usage(exit_usage);
        const bool on = arguments[0] == "1" || arguments[0] == "Enforcing";
        if (!on && arguments[0] != "0" && arguments[0] != "Permissive") return usage(exit_usage);
        if (XL_TRY(xl::flask_mode(context.host)) == xl::FlaskMode::disabled) {
            complain("Flask XSM disabled");
            return exit_disabled;
        }
        XL_TRY(xl::set_flask_enforcing(context.host, on));
        return exit_success;
    }
};

const Register<SetenforceCommand> setenforce_registration;

} // namespace
} // namespace hospes::cli
