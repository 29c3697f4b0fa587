// SPDX-License-Identifier: MIT
#include "xl/command.hpp"

#include "libxl/domain/lifecycle.hpp"

namespace hospes::cli {
namespace {

class RenameCommand final : public Command {
  public:
    static constexpr std::string_view verb = "rename";
    [[nodiscard]] std::string_view name() const override { return verb; }
    [[nodiscard]] unsigned required_arguments() const override { return 2; }
    int run(Context& context, std::span<const std::string> arguments) override {
        const xc::DomId domain = XL_DOMAIN(context, arguments[0]);
        if (const Status done = xl::rename_domain(context.host, domain, arguments[1]); !done) {
            report(done.problem());
            return complain("Can't rename domain '%s'.", arguments[0].c_str());
        }
        return exit_success;
    }
};

const Register<RenameCommand> rename_registration;

} // namespace
} // namespace hospes::cli
