// SPDX-License-Identifier: MIT
#include "xl/command.hpp"

namespace hospes::cli {
namespace {

class SetParametersCommand final : public Command {
  public:
    static constexpr std::string_view verb = "set-parameters";
    [[nodiscard]] std::string_view name() const override { return verb; }
    [[nodiscard]] unsigned required_arguments() const override { return 1; }
    int run(Context&, std::span<const std::string>) override { return not_supported_yet(verb); }
};

const Register<SetParametersCommand> set_parameters_registration;

} // namespace
} // namespace hospes::cli
