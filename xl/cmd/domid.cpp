// SPDX-License-Identifier: MIT
#include "xl/command.hpp"

#include <cstdio>

namespace hospes::cli {
namespace {

class DomidCommand final : public Command {
  public:
    static constexpr std::string_view verb = "domid";
    [[nodiscard]] std::string_view name() const override { return verb; }
    [[nodiscard]] std::string_view help() const override {
        return
#include "domid.md.inc"
            ;
    }
    [[nodiscard]] unsigned required_arguments() const override { return 1; }
    int run(Context& context, std::span<const std::string> arguments) override {
        std::printf("%u\n", XL_TRY(context.host.find(arguments[0])));
        return exit_success;
    }
};

const Register<DomidCommand> registration;

} // namespace
} // namespace hospes::cli
