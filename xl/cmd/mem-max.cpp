// SPDX-License-Identifier: MIT
#include "xl/command.hpp"

#include "libxl/domain/resources.hpp"
#include "xl/arguments.hpp"

namespace hospes::cli {
namespace {

class MemMaxCommand final : public Command {
  public:
    static constexpr std::string_view verb = "mem-max";
    [[nodiscard]] std::string_view name() const override { return verb; }
    [[nodiscard]] unsigned required_arguments() const override { return 2; }
    int run(Context& context, std::span<const std::string> arguments) override {
        const xc::DomId domain = XL_DOMAIN(context, arguments[0]);
        const auto kib = parse_memory_kib(arguments[1]);
        if (!kib) return complain("invalid memory size: %s", arguments[1].c_str());
        if (const Status done = xl::set_memory_max(context.host, domain, *kib); !done) {
            report(done.problem());
            return complain("cannot set domid %u static max memory to : %s", domain, arguments[1].c_str());
        }
        return exit_success;
    }
};

const Register<MemMaxCommand> mem_max_registration;

} // namespace
} // namespace hospes::cli
