// SPDX-License-Identifier: MIT
#include "xl/command.hpp"

#include "libxl/domain/lifecycle.hpp"

namespace hospes::cli {
namespace {

class DestroyCommand final : public Command {
  public:
    static constexpr std::string_view verb = "destroy";
    [[nodiscard]] std::string_view name() const override { return verb; }
    [[nodiscard]] unsigned required_arguments() const override { return 1; }
    [[nodiscard]] std::vector<Option> options() override {
        return {{'f', nullptr, false, [this](const char*) { force_ = true; }}};
    }
    int run(Context& context, std::span<const std::string> arguments) override {
        const xc::DomId domain = XL_DOMAIN(context, arguments[0]);
        if (domain == 0 && !force_)
            return complain("Not destroying domain 0; use -f to force.\n"
                            "This can only be done when using a disaggregated hardware domain and toolstack.\n");
        XL_TRY(xl::destroy_domain(context.host, domain));
        return exit_success;
    }

  private:
    bool force_ = false;
};

const Register<DestroyCommand> destroy_registration;

} // namespace
} // namespace hospes::cli
