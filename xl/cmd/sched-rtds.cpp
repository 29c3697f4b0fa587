// SPDX-License-Identifier: MIT
#include "xl/command.hpp"

#include <cstdio>

#include "libxl/device/spec_text.hpp"
#include "xl/arguments.hpp"
#include "xl/output/sched_table.hpp"
#include "xl/scheduling.hpp"

namespace hospes::cli {
namespace {

constexpr xl::Scheduler rtds = xl::Scheduler::rtds;

class SchedRtdsCommand final : public Command {
  public:
    static constexpr std::string_view verb = "sched-rtds";
    [[nodiscard]] std::string_view name() const override { return verb; }
    [[nodiscard]] std::vector<Option> options() override {
        return {{'d', "domain", true, [this](const char* value) { domain_ = value; }},
                {'v', "vcpuid", true, [this](const char* value) { vcpus_.emplace_back(value); }},
                {'p', "period", true, [this](const char* value) { periods_.emplace_back(value); }},
                {'b', "budget", true, [this](const char* value) { budgets_.emplace_back(value); }},
                {'e', "extratime", true, [this](const char* value) { extras_.emplace_back(value); }},
                {'c', "cpupool", true, [this](const char* value) { pool_ = value; }}};
    }

    int run(Context& context, std::span<const std::string>) override {
        const bool sets = !periods_.empty() || !budgets_.empty() || !extras_.empty();
        const bool all = std::erase(vcpus_, "all") != 0;
        if (!pool_.empty() && (!domain_.empty() || all || !vcpus_.empty() || sets))
            return complain("Specifying a cpupool is not allowed with other options.");
        if (domain_.empty() && (!vcpus_.empty() || sets)) return complain("Missing parameters.");
        if (sets && !all && vcpus_.empty()) return complain("Must specify VCPU.");
        if (all && !vcpus_.empty()) return complain("Incorrect VCPU IDs.");
        const std::size_t wanted = all ? 1 : vcpus_.size();
        if (sets && (periods_.size() != wanted || budgets_.size() != wanted || extras_.size() != wanted))
            return complain("Incorrect number of period, budget and extratime");
        if (domain_.empty()) return list(context, all);
        const xc::DomId domain = XL_DOMAIN(context, domain_);
        if (!all && vcpus_.empty()) return show_domain(context, rtds, domain);
        return sets ? set_vcpus(context, domain, all) : show_vcpus(context, domain, all);
    }

  private:
    /// The n-th value of an option that is given once for each vCPU.
    static std::optional<unsigned> value(const char* what, const std::vector<std::string>& given, std::size_t n) {
        const auto number = xl::to_number<unsigned>(given[n]);
        if (!number) complain("xl: %s '%s' is not a number", what, given[n].c_str());
        return number;
    }
    std::optional<xl::VcpuScheduling> parameters(std::size_t n) const {
        const auto period = value("period", periods_, n), budget = value("budget", budgets_, n),
                   extra = value("extratime", extras_, n);
        if (!period || !budget || !extra) return std::nullopt;
        if (*extra > 1) {
            complain("Invalid extratime.");
            return std::nullopt;
        }
        return xl::VcpuScheduling{0, *period, *budget, *extra != 0};
    }

    int list(Context& context, bool vcpus) const {
        const auto pools = scheduled_pools(context, rtds, pool_);
        if (!pools) return exit_failure;
        std::optional<output::Json> json;
        if (context.json) json.emplace(stdout).open_array();
        for (const ScheduledPool& one : *pools) {
            const std::string heading = vcpus ? output::sched_vcpu_heading() : output::sched_heading(rtds);
            if (!json) std::fputs((output::sched_pool(one.pool.name, rtds, {}) + heading).c_str(), stdout);
            for (const xl::DomainRow& domain : one.domains) {
                if (vcpus) {
                    // An error: the domain is gone since it was listed.
                    if (const auto kept = xl::vcpu_scheduling(context.host, domain.id, {}))
                        print_vcpus(json, domain.id, domain.name, *kept);
                } else if (const auto params = xl::domain_scheduling(context.host, domain.id)) {
                    const output::DomainSched row{domain.id, domain.name, *params};
                    json ? output::sched_json(*json, row) : void(std::fputs(output::sched_row(row).c_str(), stdout));
                }
            }
        }
        if (json) json->close_array();
        return exit_success;
    }

    static void print_vcpus(std::optional<output::Json>& json, xc::DomId domain, const std::string& name,
                            const std::vector<xl::VcpuScheduling>& kept) {
        for (const xl::VcpuScheduling& one : kept) {
            const output::VcpuSched row{domain, name, one};
            json ? output::sched_json(*json, row) : void(std::fputs(output::sched_vcpu_row(row).c_str(), stdout));
        }
    }

    /// Why, and what the stock xl says, which scripts may look for.
    static int failed(const Error& problem, const char* what, bool all) {
        report(problem);
        return complain("libxl_vcpu_sched_params_%s%s failed.", what, all ? "_all" : "");
    }

    /// The vCPUs of -v; empty: all.
    std::optional<std::vector<unsigned>> chosen(bool all) const {
        std::vector<unsigned> out;
        for (std::size_t n = 0; !all && n < vcpus_.size(); ++n) {
            const auto id = value("vcpuid", vcpus_, n);
            if (!id) return std::nullopt;
            out.push_back(*id);
        }
        return out;
    }

    int show_vcpus(Context& context, xc::DomId domain, bool all) const {
        const auto ids = chosen(all);
        if (!ids) return exit_failure;
        if (!context.json) std::fputs(output::sched_vcpu_heading().c_str(), stdout);
        const auto kept = xl::vcpu_scheduling(context.host, domain, *ids);
        if (!kept) return failed(kept.problem(), "get", all);
        std::optional<output::Json> json;
        if (context.json) json.emplace(stdout).open_array();
        print_vcpus(json, domain, context.host.name_of(domain), *kept);
        if (json) json->close_array();
        return exit_success;
    }

    int set_vcpus(Context& context, xc::DomId domain, bool all) const {
        const auto ids = chosen(all);
        if (!ids) return exit_failure;
        std::vector<xl::VcpuScheduling> change;
        if (all) {
            auto present = xl::vcpu_scheduling(context.host, domain, {});
            if (!present) return failed(present.problem(), "set", all);
            change = *std::move(present);
        }
        for (const unsigned id : *ids)
            change.push_back({id, 0, 0, false});
        for (std::size_t n = 0; n < change.size(); ++n) {
            auto wanted = parameters(all ? 0 : n);
            if (!wanted) return exit_failure;
            wanted->vcpu = change[n].vcpu;
            change[n] = *wanted;
        }
        if (const Status done = xl::set_vcpu_scheduling(context.host, domain, change); !done)
            return failed(done.problem(), "set", all);
        return exit_success;
    }

    std::string domain_, pool_;
    std::vector<std::string> vcpus_, periods_, budgets_, extras_;
};

const Register<SchedRtdsCommand> sched_rtds_registration;

} // namespace
} // namespace hospes::cli
