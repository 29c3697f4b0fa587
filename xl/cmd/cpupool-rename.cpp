// SPDX-License-Identifier: MIT
#include "xl/command.hpp"

#include "libxl/host/cpupools.hpp"
#include "xl/arguments.hpp"

namespace hospes::cli {
namespace {

class CpupoolRenameCommand final : public Command {
  public:
    static constexpr std::string_view verb = "cpupool-rename";
    [[nodiscard]] std::string_view name() const override { return verb; }
    [[nodiscard]] unsigned required_arguments() const override { return 2; }
    int run(Context& context, std::span<const std::string> arguments) override {
        const xl::CpuPool pool = XL_POOL(context, arguments[0]);
        if (const Status done = xl::rename_pool(context.host, pool.id, arguments[1]); !done) {
            report(done.problem());
            return complain("Can't rename cpupool '%s'", arguments[0].c_str());
        }
        return exit_success;
    }
};

const Register<CpupoolRenameCommand> cpupool_rename_registration;

} // namespace
} // namespace hospes::cli
