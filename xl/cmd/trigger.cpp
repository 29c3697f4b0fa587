// SPDX-License-Identifier: MIT
#include "xl/command.hpp"

#include <cstdio>
#include <cstdlib>

namespace hospes::cli {
namespace {

class TriggerCommand final : public Command {
  public:
    static constexpr std::string_view verb = "trigger";
    [[nodiscard]] std::string_view name() const override { return verb; }
    [[nodiscard]] std::string_view help() const override {
        return
#include "trigger.md.inc"
            ;
    }
    [[nodiscard]] unsigned required_arguments() const override { return 2; }
    int run(Context& context, std::span<const std::string> arguments) override {
        const xc::DomId domain = XL_TRY(context.host.find(arguments[0]));
        const auto trigger = xl::from_string<xl::Trigger>(arguments[1]);
        if (!trigger || *trigger == xl::Trigger::unknown) {
            std::fprintf(stderr, "Invalid trigger \"%s\"\n", arguments[1].c_str());
            return exit_failure;
        }
        unsigned vcpu = 0;
        if (arguments.size() > 2) vcpu = static_cast<unsigned>(std::strtoul(arguments[2].c_str(), nullptr, 10));
        xc::Control* const control = XL_TRY(context.host.control());
        // The ABI numbers the triggers from 0 in the same order.
        XL_TRY(control->send_trigger(domain, static_cast<unsigned>(*trigger) - 1, vcpu));
        return exit_success;
    }
};

const Register<TriggerCommand> registration;

} // namespace
} // namespace hospes::cli
