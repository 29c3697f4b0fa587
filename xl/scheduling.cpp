// SPDX-License-Identifier: MIT
#include "xl/scheduling.hpp"

#include <cstdio>

#include "libxl/device/spec_text.hpp"
#include "xl/arguments.hpp"
#include "xl/output/sched_table.hpp"

namespace hospes::cli {
namespace {

/// Turns an option's text into the number it must be; false after complaining.
bool number(const std::optional<std::string>& text, const char* what, std::optional<unsigned>& out) {
    if (!text) return true;
    out = xl::to_number<unsigned>(*text);
    if (!out) complain("xl: %s '%s' is not a number", what, text->c_str());
    return out.has_value();
}

/// Why, and what the stock xl says.
int pool_failed(const Error& problem, const char* what, xl::Scheduler scheduler) {
    report(problem);
    return complain("libxl_sched_%s_params_%s failed.", std::string(to_string(scheduler)).c_str(), what);
}

int pool_parameters(Context& context, xl::Scheduler scheduler, const WeightOptions& given) {
    const xl::CpuPool pool = XL_POOL(context, given.pool.empty() ? "0" : given.pool);
    xl::PoolScheduling change;
    if (!number(given.timeslice, "time slice", change.timeslice_ms) ||
        !number(given.ratelimit, "rate limit", change.ratelimit_us) ||
        !number(given.delay, "migration delay", change.migration_delay_us))
        return exit_failure;
    if (change.timeslice_ms || change.ratelimit_us || change.migration_delay_us) {
        if (const Status done = xl::set_pool_scheduling(context.host, pool.id, scheduler, change); !done)
            return pool_failed(done.problem(), "set", scheduler);
        return exit_success;
    }
    const auto params = xl::pool_scheduling(context.host, pool.id, scheduler);
    if (!params) static_cast<void>(pool_failed(params.problem(), "get", scheduler));
    if (context.json && params) {
        output::Json json(stdout);
        output::sched_json(json, pool.name, scheduler, *params);
        return exit_success;
    }
    std::fputs(output::sched_pool(pool.name, scheduler, params ? std::optional(*params) : std::nullopt).c_str(),
               stdout);
    return exit_success;
}

int one_domain(Context& context, xl::Scheduler scheduler, const WeightOptions& given) {
    const xc::DomId domain = XL_DOMAIN(context, given.domain);
    xl::DomainScheduling change;
    change.scheduler = scheduler;
    if (!number(given.weight, "weight", change.weight) || !number(given.cap, "cap", change.cap)) return exit_failure;
    if (change.weight || change.cap) {
        if (const Status done = xl::set_domain_scheduling(context.host, domain, change); !done) {
            report(done.problem());
            return complain("libxl_domain_sched_params_set failed.");
        }
        return exit_success;
    }
    return show_domain(context, scheduler, domain);
}

int all_domains(Context& context, xl::Scheduler scheduler, const WeightOptions& given) {
    const auto pools = scheduled_pools(context, scheduler, given.pool);
    if (!pools) return exit_failure;
    std::optional<output::Json> json;
    if (context.json) json.emplace(stdout).open_array();
    for (const ScheduledPool& one : *pools) {
        const auto params = xl::pool_scheduling(context.host, one.pool.id, scheduler);
        if (!json)
            std::fputs((output::sched_pool(one.pool.name, scheduler, params ? std::optional(*params) : std::nullopt) +
                        output::sched_heading(scheduler))
                           .c_str(),
                       stdout);
        for (const xl::DomainRow& domain : one.domains) {
            const auto kept = xl::domain_scheduling(context.host, domain.id);
            if (!kept) continue; // gone since it was listed
            const output::DomainSched row{domain.id, domain.name, *kept};
            if (json)
                output::sched_json(*json, row);
            else
                std::fputs(output::sched_row(row).c_str(), stdout);
        }
    }
    if (json) json->close_array();
    return exit_success;
}

} // namespace

std::vector<Option> weight_options(WeightOptions& out) {
    return {{'d', "domain", true, [&out](const char* value) { out.domain = value; }},
            {'w', "weight", true, [&out](const char* value) { out.weight = value; }},
            {'c', "cap", true, [&out](const char* value) { out.cap = value; }},
            {'p', "cpupool", true, [&out](const char* value) { out.pool = value; }},
            {'s', "schedparam", false, [&out](const char*) { out.parameters = true; }},
            {'r', "ratelimit_us", true, [&out](const char* value) { out.ratelimit = value; }}};
}

int show_domain(Context& context, xl::Scheduler scheduler, xc::DomId domain) {
    if (!context.json) std::fputs(output::sched_heading(scheduler).c_str(), stdout);
    const auto params = xl::domain_scheduling(context.host, domain);
    if (!params) {
        report(params.problem());
        return complain("libxl_domain_sched_params_get failed.");
    }
    if (params->scheduler != scheduler)
        return complain("libxl_domain_sched_params_get returned %s not %s.",
                        std::string(to_string(params->scheduler)).c_str(), std::string(to_string(scheduler)).c_str());
    const output::DomainSched row{domain, context.host.name_of(domain), *params};
    if (context.json) {
        output::Json json(stdout);
        output::sched_json(json, row);
    } else {
        std::fputs(output::sched_row(row).c_str(), stdout);
    }
    return exit_success;
}

std::optional<std::vector<ScheduledPool>> scheduled_pools(Context& context, xl::Scheduler scheduler,
                                                          const std::string& wanted) {
    std::optional<xl::CpuPool> only;
    if (!wanted.empty() && !(only = find_pool(context, wanted))) return std::nullopt;
    auto pools = xl::list_pools(context.host);
    auto domains = xl::list_domains(context.host);
    if (!pools || !domains) {
        report(pools ? domains.problem() : pools.problem());
        return std::nullopt;
    }
    std::vector<ScheduledPool> out;
    for (xl::CpuPool& pool : *pools) {
        if (pool.scheduler != scheduler || (only && only->id != pool.id)) continue;
        ScheduledPool& one = out.emplace_back();
        for (const xl::DomainRow& domain : *domains)
            if (domain.pool_id == pool.id) one.domains.push_back(domain);
        one.pool = std::move(pool);
    }
    return out;
}

int run_weights(Context& context, xl::Scheduler scheduler, const WeightOptions& given) {
    const bool sets = given.weight || given.cap;
    if (scheduler == xl::Scheduler::credit) {
        if ((!given.pool.empty() || given.parameters) && (!given.domain.empty() || sets))
            return complain("Specifying a cpupool or schedparam is not allowed with domain options.");
    } else if (!given.pool.empty() && (!given.domain.empty() || sets)) {
        return complain("Specifying a cpupool is not allowed with other options.");
    }
    if (given.domain.empty() && sets) return complain("Must specify a domain.");
    if (!given.parameters && (given.timeslice || given.ratelimit || given.delay))
        return complain("Must specify schedparam to set schedule parameter values.");
    if (given.parameters) return pool_parameters(context, scheduler, given);
    return given.domain.empty() ? all_domains(context, scheduler, given) : one_domain(context, scheduler, given);
}

} // namespace hospes::cli
