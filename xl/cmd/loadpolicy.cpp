// SPDX-License-Identifier: MIT
#include "xl/command.hpp"

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <unistd.h>

#include "libxl/host/flask.hpp"
#include "xl/arguments.hpp"

namespace hospes::cli {
namespace {

class LoadpolicyCommand final : public Command {
  public:
    static constexpr std::string_view verb = "loadpolicy";
    [[nodiscard]] std::string_view name() const override { return verb; }
    int run(Context& context, std::span<const std::string> arguments) override {
        if (arguments.size() != 1) return usage(exit_usage);
        const std::string& file = arguments[0];
        if (::access(file.c_str(), R_OK) < 0) {
            complain("Error occurred opening policy file '%s': %s", file.c_str(), std::strerror(errno));
            return exit_disabled;
        }
        if (XL_TRY(xl::flask_mode(context.host)) == xl::FlaskMode::disabled) {
            complain("Flask XSM disabled");
            return exit_disabled;
        }
        XL_TRY(xl::load_flask_policy(context.host, file));
        std::printf("Successfully loaded policy.\n");
        return exit_success;
    }
};

const Register<LoadpolicyCommand> loadpolicy_registration;

} // namespace
} // namespace hospes::cli
