// SPDX-License-Identifier: MIT
#include "xl/command.hpp"

namespace hospes::cli {
namespace {

class DebugKeysCommand final : public Command {
  public:
    static constexpr std::string_view verb = "debug-keys";
    [[nodiscard]] std::string_view name() const override { return verb; }
    [[nodiscard]] unsigned required_arguments() const override { return 1; }
    int run(Context& context, std::span<const std::string> arguments) override {
        xc::Control* const control = XL_TRY(context.host.control());
        if (const Status done = control->debug_keys(arguments[0]); !done) {
            report(done.problem());
            return complain("cannot send debug keys: %s", arguments[0].c_str());
        }
        return exit_success;
    }
};

const Register<DebugKeysCommand> debug_keys_registration;

} // namespace
} // namespace hospes::cli
