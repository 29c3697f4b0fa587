// SPDX-License-Identifier: MIT
#include "xl/command.hpp"

#include <cstdio>

#include "libxl/host/domains.hpp"
#include "xl/output/json.hpp"

namespace hospes::cli {
namespace {

class DomidCommand final : public Command {
  public:
    static constexpr std::string_view verb = "domid";
    [[nodiscard]] std::string_view name() const override { return verb; }
    [[nodiscard]] unsigned required_arguments() const override { return 1; }
    int run(Context& context, std::span<const std::string> arguments) override {
        // Here a number is a name like any other, as with the stock xl.
        for (const xl::DomainRow& row : XL_TRY(xl::list_domains(context.host))) {
            if (row.name != arguments[0]) continue;
            if (context.json) {
                output::Json json(stdout);
                json.value(row.id);
            } else {
                std::printf("%u\n", row.id);
            }
            return exit_success;
        }
        return complain("Can't get domid of domain name '%s', maybe this domain does not exist.", arguments[0].c_str());
    }
};

const Register<DomidCommand> domid_registration;

} // namespace
} // namespace hospes::cli
