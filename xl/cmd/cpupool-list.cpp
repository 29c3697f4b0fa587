// SPDX-License-Identifier: MIT
#include "xl/command.hpp"

#include <cstdio>

#include "libxl/host/cpupools.hpp"
#include "xl/arguments.hpp"
#include "xl/output/host_text.hpp"

namespace hospes::cli {
namespace {

class CpupoolListCommand final : public Command {
  public:
    static constexpr std::string_view verb = "cpupool-list";
    [[nodiscard]] std::string_view name() const override { return verb; }
    [[nodiscard]] std::vector<Option> options() override {
        return {{'c', "cpus", false, [this](const char*) { cpus_ = true; }}};
    }
    int run(Context& context, std::span<const std::string> arguments) override {
        auto pools = XL_TRY(xl::list_pools(context.host));
        if (!arguments.empty()) {
            const std::string& name = arguments[0]; // here only a name will do, as with the stock xl
            std::erase_if(pools, [&](const xl::CpuPool& pool) { return pool.name != name; });
            if (pools.empty()) return complain("Pool '%s' does not exist", name.c_str());
        }
        if (context.json) {
            output::Json json(stdout);
            output::pool_json(json, pools);
        } else {
            std::fputs((cpus_ ? output::pool_cpu_table(pools) : output::pool_table(pools)).c_str(), stdout);
        }
        return exit_success;
    }

  private:
    bool cpus_ = false;
};

const Register<CpupoolListCommand> cpupool_list_registration;

} // namespace
} // namespace hospes::cli
