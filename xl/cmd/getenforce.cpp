// SPDX-License-Identifier: MIT
#include "xl/command.hpp"

#include <cstdio>

#include "libxl/host/flask.hpp"
#include "xl/arguments.hpp"
#include "xl/output/json.hpp"

namespace hospes::cli {
namespace {

class GetenforceCommand final : public Command {
  public:
    static constexpr std::string_view verb = "getenforce";
    [[nodiscard]] std::string_view name() const override { return verb; }
    int run(Context& context, std::span<const std::string>) override {
        const xl::FlaskMode mode = XL_TRY(xl::flask_mode(context.host));
        const char* const text = mode == xl::FlaskMode::enforcing    ? "Enforcing"
                                 : mode == xl::FlaskMode::permissive ? "Permissive"
                                                                     : "Disabled";
        if (context.json) {
            output::Json json(stdout);
            json.value(text);
        } else {
            std::printf(mode == xl::FlaskMode::disabled ? "Flask XSM %s\n" : "%s\n", text);
        }
        return mode == xl::FlaskMode::disabled ? exit_disabled : exit_success;
    }
};

const Register<GetenforceCommand> getenforce_registration;

} // namespace
} // namespace hospes::cli
