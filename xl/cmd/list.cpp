// SPDX-License-Identifier: MIT
#include "xl/command.hpp"

#include <cerrno>
#include <cstdio>

#include "libxl/host/running_config.hpp"
#include "xl/output/configuration.hpp"
#include "xl/output/domain_table.hpp"

namespace hospes::cli {
namespace {

class ListCommand final : public Command {
  public:
    static constexpr std::string_view verb = "list";
    [[nodiscard]] std::string_view name() const override { return verb; }
    [[nodiscard]] std::vector<Option> options() override {
        return {{'l', "long", false, [this](const char*) { long_ = true; }},
                {'v', "verbose", false, [this](const char*) { columns_.verbose = true; }},
                {'Z', "context", false, [this](const char*) { columns_.label = true; }},
                {'c', "cpupool", false, [this](const char*) { columns_.pool = true; }},
                {'n', "numa", false, [this](const char*) { columns_.numa = true; }},
                {0, "type", false, [this](const char*) { columns_.type = true; }}};
    }
    int run(Context& context, std::span<const std::string> arguments) override {
        if (arguments.size() > 1) return usage(exit_failure);
        const bool all = context.json;
        const xl::Columns want{.label = all || columns_.verbose || columns_.label,
                               .pool = all || columns_.pool,
                               .nodes = all || columns_.numa,
                               .type = all || columns_.type};
        std::vector<xl::DomainRow> rows;
        if (arguments.empty()) {
            rows = XL_TRY(xl::list_domains(context.host, want));
        } else {
            auto row = xl::describe_domain_row(context.host, XL_DOMAIN(context, arguments[0]), want);
            if (!row && row.problem().code == ESRCH)
                return complain("Error: Domain '%s' does not exist.", arguments[0].c_str());
            rows.push_back(XL_TRY(std::move(row)));
        }
        if (long_) return print_configurations(context.host, rows);
        if (context.json) {
            output::Json json(stdout);
            output::domain_json(json, rows);
            return exit_success;
        }
        if (columns_.numa) {
            xc::Control* const control = XL_TRY(context.host.control());
            columns_.nodes = XL_TRY(control->phys_info()).nr_nodes;
        }
        std::fputs(output::domain_table(rows, columns_).c_str(), stdout);
        return exit_success;
    }

  private:
    static int print_configurations(xl::Host& host, const std::vector<xl::DomainRow>& rows) {
        std::vector<std::pair<xc::DomId, xl::DomainConfig>> all;
        for (const xl::DomainRow& row : rows) {
            auto config = xl::running_config(host, row.id);
            if (!config) {
                report(config.problem()); // the others are worth printing
                continue;
            }
            all.emplace_back(row.id, *std::move(config));
        }
        std::fputs(output::configurations_text(all).c_str(), stdout);
        return exit_success;
    }

    output::ListColumns columns_;
    bool long_ = false;
};

const Register<ListCommand> list_registration;

} // namespace
} // namespace hospes::cli
