// SPDX-License-Identifier: MIT
#include "xl/command.hpp"

#include "xl/end.hpp"

namespace hospes::cli {
namespace {

class ShutdownCommand final : public Command {
  public:
    static constexpr std::string_view verb = "shutdown";
    [[nodiscard]] std::string_view name() const override { return verb; }
    [[nodiscard]] std::vector<Option> options() override { return end_options(given_); }
    int run(Context& context, std::span<const std::string> arguments) override {
        return ask_to_end(context, xl::ShutdownRequest::poweroff, given_, arguments);
    }

  private:
    EndOptions given_;
};

const Register<ShutdownCommand> shutdown_registration;

} // namespace
} // namespace hospes::cli
