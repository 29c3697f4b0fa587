// SPDX-License-Identifier: MIT
#include "xl/command.hpp"

#include "libxl/host/cpu_set.hpp"
#include "libxl/host/cpupools.hpp"
#include "libxl/host/domains.hpp"
#include "xl/arguments.hpp"

namespace hospes::cli {
namespace {

class CpupoolCpuRemoveCommand final : public Command {
  public:
    static constexpr std::string_view verb = "cpupool-cpu-remove";
    [[nodiscard]] std::string_view name() const override { return verb; }
    [[nodiscard]] unsigned required_arguments() const override { return 2; }
    int run(Context& context, std::span<const std::string> arguments) override {
        const xl::Bitmap cpus = XL_CPUS(context, arguments[1]);
        const xl::CpuPool pool = XL_POOL(context, arguments[0]);
        if (const Status done = xl::remove_pool_cpus(context.host, pool, cpus); !done) {
            const char* const name = arguments[0].c_str();
            report(done.problem());
            complain("Some cpus may have not or only partially been removed from '%s'.", name);
            complain("If a cpu can't be added to another cpupool, add it to '%s' again and retry.", name);
        }
        return exit_success; // as the stock xl, which scripts may rely on
    }
};

const Register<CpupoolCpuRemoveCommand> cpupool_cpu_remove_registration;

} // namespace
} // namespace hospes::cli
