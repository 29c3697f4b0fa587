// SPDX-License-Identifier: MIT
#include "xl/command.hpp"

#include "libxl/host/cpupools.hpp"
#include "xl/arguments.hpp"

namespace hospes::cli {
namespace {

class CpupoolMigrateCommand final : public Command {
  public:
    static constexpr std::string_view verb = "cpupool-migrate";
    [[nodiscard]] std::string_view name() const override { return verb; }
    [[nodiscard]] unsigned required_arguments() const override { return 2; }
    int run(Context& context, std::span<const std::string> arguments) override {
        const auto domain = context.host.find(arguments[0]);
        if (!domain) return complain("unknown domain '%s'", arguments[0].c_str());
        const xl::CpuPool pool = XL_POOL(context, arguments[1]);
        XL_TRY(xl::move_to_pool(context.host, *domain, pool));
        return exit_success;
    }
};

const Register<CpupoolMigrateCommand> cpupool_migrate_registration;

} // namespace
} // namespace hospes::cli
