// SPDX-License-Identifier: MIT
#include "xl/command.hpp"

#include "libxl/host/cpupools.hpp"
#include "xl/arguments.hpp"

namespace hospes::cli {
namespace {

class CpupoolDestroyCommand final : public Command {
  public:
    static constexpr std::string_view verb = "cpupool-destroy";
    [[nodiscard]] std::string_view name() const override { return verb; }
    [[nodiscard]] unsigned required_arguments() const override { return 1; }
    int run(Context& context, std::span<const std::string> arguments) override {
        const xl::CpuPool pool = XL_POOL(context, arguments[0]);
        if (const Status done = xl::destroy_pool(context.host, pool); !done) {
            report(done.problem());
            return complain("Can't destroy cpupool '%s'", arguments[0].c_str());
        }
        return exit_success;
    }
};

const Register<CpupoolDestroyCommand> cpupool_destroy_registration;

} // namespace
} // namespace hospes::cli
