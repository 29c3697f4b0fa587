// SPDX-License-Identifier: MIT
#include "xl/command.hpp"

#include <cstdio>

#include "xl/output/host_text.hpp"

namespace hospes::cli {
namespace {

class InfoCommand final : public Command {
  public:
    static constexpr std::string_view verb = "info";
    [[nodiscard]] std::string_view name() const override { return verb; }
    [[nodiscard]] std::vector<Option> options() override {
        return {{'n', "numa", false, [this](const char*) { numa_ = true; }}};
    }
    int run(Context& context, std::span<const std::string> arguments) override {
        const xl::HostFacts facts = XL_TRY(xl::host_facts(context.host));
        std::optional<xl::Topology> topology;
        if (numa_) topology = XL_TRY(xl::host_topology(context.host));
        if (context.json) {
            output::Json json(stdout);
            output::info_json(json, facts, topology ? &*topology : nullptr);
            return exit_success;
        }
        std::string text;
        if (!numa_ && !arguments.empty())
            text =
                output::facts_named(facts.machine, arguments[0]) + output::facts_named(facts.hypervisor, arguments[0]);
        else
            text = output::facts_text(facts.machine) + (topology ? output::topology_text(*topology) : std::string()) +
                   output::facts_text(facts.hypervisor);
        std::fputs(text.c_str(), stdout);
        return exit_success;
    }

  private:
    bool numa_ = false;
};

const Register<InfoCommand> info_registration;

} // namespace
} // namespace hospes::cli
