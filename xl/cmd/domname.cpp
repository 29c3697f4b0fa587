// SPDX-License-Identifier: MIT
#include "xl/command.hpp"

#include <cstdio>

namespace hospes::cli {
namespace {

class DomnameCommand final : public Command {
  public:
    static constexpr std::string_view verb = "domname";
    [[nodiscard]] std::string_view name() const override { return verb; }
    [[nodiscard]] std::string_view help() const override {
        return
#include "domname.md.inc"
            ;
    }
    [[nodiscard]] unsigned required_arguments() const override { return 1; }
    int run(Context& context, std::span<const std::string> arguments) override {
        const xc::DomId domain = XL_TRY(context.host.find(arguments[0]));
        xc::Control* const control = XL_TRY(context.host.control());
        static_cast<void>(XL_TRY(control->info(domain)));
        std::printf("%s\n", context.host.name_of(domain).c_str());
        return exit_success;
    }
};

const Register<DomnameCommand> registration;

} // namespace
} // namespace hospes::cli
