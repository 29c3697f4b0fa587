// SPDX-License-Identifier: MIT
#include "xl/command.hpp"

namespace hospes::cli {
namespace {

class UnpauseCommand final : public Command {
  public:
    static constexpr std::string_view verb = "unpause";
    [[nodiscard]] std::string_view name() const override { return verb; }
    [[nodiscard]] unsigned required_arguments() const override { return 1; }
    int run(Context& context, std::span<const std::string> arguments) override {
        const xc::DomId domain = XL_DOMAIN(context, arguments[0]);
        xc::Control* const control = XL_TRY(context.host.control());
        // The stock xl tells of a failure, and ends with 0 all the same.
        if (const Status done = control->unpause(domain); !done) static_cast<void>(report(done.problem()));
        return exit_success;
    }
};

const Register<UnpauseCommand> unpause_registration;

} // namespace
} // namespace hospes::cli
