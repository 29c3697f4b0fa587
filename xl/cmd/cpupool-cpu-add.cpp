// SPDX-License-Identifier: MIT
#include "xl/command.hpp"

#include "libxl/host/cpu_set.hpp"
#include "libxl/host/cpupools.hpp"
#include "libxl/host/domains.hpp"
#include "xl/arguments.hpp"

namespace hospes::cli {
namespace {

class CpupoolCpuAddCommand final : public Command {
  public:
    static constexpr std::string_view verb = "cpupool-cpu-add";
    [[nodiscard]] std::string_view name() const override { return verb; }
    [[nodiscard]] unsigned required_arguments() const override { return 2; }
    int run(Context& context, std::span<const std::string> arguments) override {
        const xl::Bitmap cpus = XL_CPUS(context, arguments[1]);
        const xl::CpuPool pool = XL_POOL(context, arguments[0]);
        if (const Status done = xl::add_pool_cpus(context.host, pool, cpus); !done) {
            report(done.problem());
            complain("some cpus may not have been added to %s", arguments[0].c_str());
        }
        return exit_success; // as the stock xl, which scripts may rely on
    }
};

const Register<CpupoolCpuAddCommand> cpupool_cpu_add_registration;

} // namespace
} // namespace hospes::cli
