// SPDX-License-Identifier: MIT
// What the verbs of the schedulers have in common.
#pragma once

#include "libxl/host/cpupools.hpp"
#include "libxl/host/domains.hpp"
#include "libxl/host/scheduling.hpp"
#include "xl/command.hpp"

namespace hospes::cli {

/// Options of sched-credit and sched-credit2 as they were given.
struct WeightOptions {
    std::string domain, pool;
    std::optional<std::string> weight, cap, timeslice, ratelimit, delay;
    bool parameters = false; ///< -s
};
/// -d -w -c -p -s -r, which both have.
std::vector<Option> weight_options(WeightOptions& out);

/// Lists or sets what the options say.
int run_weights(Context& context, xl::Scheduler scheduler, const WeightOptions& given);

/// One domain's parameters, or the complaint that it is scheduled otherwise.
int show_domain(Context& context, xl::Scheduler scheduler, xc::DomId domain);

/// The pools that `scheduler` schedules (only `wanted` when it names one), each with its domains. nullopt after
/// complaining of an unknown pool.
struct ScheduledPool {
    xl::CpuPool pool;
    std::vector<xl::DomainRow> domains;
};
std::optional<std::vector<ScheduledPool>> scheduled_pools(Context& context, xl::Scheduler scheduler,
                                                          const std::string& wanted);

} // namespace hospes::cli
