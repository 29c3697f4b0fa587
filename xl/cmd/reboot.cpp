// SPDX-License-Identifier: MIT
#include "xl/command.hpp"

#include "xl/end.hpp"

namespace hospes::cli {
namespace {

class RebootCommand final : public Command {
  public:
    static constexpr std::string_view verb = "reboot";
    [[nodiscard]] std::string_view name() const override { return verb; }
    [[nodiscard]] std::vector<Option> options() override { return end_options(given_); }
    int run(Context& context, std::span<const std::string> arguments) override {
        return ask_to_end(context, xl::ShutdownRequest::reboot, given_, arguments);
    }

  private:
    EndOptions given_;
};

const Register<RebootCommand> reboot_registration;

} // namespace
} // namespace hospes::cli
