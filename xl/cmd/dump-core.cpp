// SPDX-License-Identifier: MIT
#include "xl/command.hpp"

#include "libxl/domain/lifecycle.hpp"

namespace hospes::cli {
namespace {

class DumpCoreCommand final : public Command {
  public:
    static constexpr std::string_view verb = "dump-core";
    [[nodiscard]] std::string_view name() const override { return verb; }
    [[nodiscard]] unsigned required_arguments() const override { return 2; }
    int run(Context& context, std::span<const std::string> arguments) override {
        const xc::DomId domain = XL_DOMAIN(context, arguments[0]);
        XL_TRY(xl::dump_core(context.host, domain, arguments[1]));
        return exit_success;
    }
};

const Register<DumpCoreCommand> dump_core_registration;

} // namespace
} // namespace hospes::cli
