// SPDX-License-Identifier: MIT
#include "xl/command.hpp"

#include <cstdio>

#include "xl/output/domain_table.hpp"

namespace hospes::cli {
namespace {

class VcpuListCommand final : public Command {
  public:
    static constexpr std::string_view verb = "vcpu-list";
    [[nodiscard]] std::string_view name() const override { return verb; }
    int run(Context& context, std::span<const std::string> arguments) override {
        xc::Control* const control = XL_TRY(context.host.control());
        const unsigned cpus = XL_TRY(control->phys_info()).nr_cpus;
        std::vector<output::DomainVcpus> domains;
        int code = exit_success;
        if (!context.json) std::fputs(output::vcpu_heading().c_str(), stdout);
        const auto add = [&](xc::DomId domain, std::string name) {
            auto vcpus = xl::list_vcpus(context.host, domain);
            if (!vcpus) return; // gone since it was listed, or never there: the stock xl prints no row either
            domains.push_back({domain, std::move(name), *std::move(vcpus)});
            if (!context.json) std::fputs(output::vcpu_rows(domains.back(), cpus).c_str(), stdout);
        };
        if (arguments.empty())
            for (const xl::DomainRow& row : XL_TRY(xl::list_domains(context.host)))
                add(row.id, row.name);
        for (const std::string& argument : arguments) {
            const auto domain = find_domain(context, argument);
            if (!domain) {
                code = exit_failure;
                break;
            }
            add(*domain, context.host.name_of(*domain));
        }
        if (context.json) {
            output::Json json(stdout);
            output::vcpu_json(json, domains, cpus);
        }
        return code;
    }
};

const Register<VcpuListCommand> vcpu_list_registration;

} // namespace
} // namespace hospes::cli
