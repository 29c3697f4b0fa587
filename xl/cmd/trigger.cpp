// SPDX-License-Identifier: MIT
#include "xl/command.hpp"

#include "libxl/device/spec_text.hpp"

namespace hospes::cli {
namespace {

/// The ABI's number of a trigger (XEN_DOMCTL_SENDTRIGGER_*).
std::optional<unsigned> trigger_number(const std::string& name) {
    struct Name {
        std::string_view text;
        unsigned number;
    };
    static constexpr Name names[] = {{"power", XEN_DOMCTL_SENDTRIGGER_POWER},
                                     {"sleep", XEN_DOMCTL_SENDTRIGGER_SLEEP},
                                     {"nmi", XEN_DOMCTL_SENDTRIGGER_NMI},
                                     {"init", XEN_DOMCTL_SENDTRIGGER_INIT},
                                     {"reset", XEN_DOMCTL_SENDTRIGGER_RESET}};
    for (const Name& known : names)
        if (known.text == name) return known.number;
    return std::nullopt;
}

class TriggerCommand final : public Command {
  public:
    static constexpr std::string_view verb = "trigger";
    [[nodiscard]] std::string_view name() const override { return verb; }
    [[nodiscard]] unsigned required_arguments() const override { return 2; }
    int run(Context& context, std::span<const std::string> arguments) override {
        const xc::DomId domain = XL_DOMAIN(context, arguments[0]);
        const std::string& what = arguments[1];
        if (!xl::from_string<xl::Trigger>(what) || what == "unknown")
            return complain("Invalid trigger \"%s\"", what.c_str());
        unsigned vcpu = 0;
        if (arguments.size() > 2) {
            const auto wanted = xl::to_number<unsigned>(arguments[2]);
            if (!wanted) complain("Invalid vcpuid, using default vcpuid=0.\n");
            vcpu = wanted.value_or(0);
        }
        xc::Control* const control = XL_TRY(context.host.control());
        if (what == "s3resume") { // wakes an HVM guest from its ACPI sleep
            XL_TRY(control->set_hvm_param(domain, HVM_PARAM_ACPI_S_STATE, 0));
            return exit_success;
        }
        XL_TRY(control->send_trigger(domain, *trigger_number(what), vcpu));
        return exit_success;
    }
};

const Register<TriggerCommand> trigger_registration;

} // namespace
} // namespace hospes::cli
