// SPDX-License-Identifier: MIT
#include "libxl/host/running_config.hpp"

#include <cerrno>

#include "libxl/core/paths.hpp"
#include "libxl/device/spec_text.hpp"
#include "libxl/domain/record.hpp"
#include "libxl/host/domains.hpp"
#include "libxl/host/scheduling.hpp"

namespace hospes::xl {
namespace {

Result<DomainConfig> from_what_is_known(Host& host, xc::DomId domain) {
    const DomainRow row = HOSPES_TRY(describe_domain_row(host, domain, {.type = true}));
    xs::Client* const store = HOSPES_TRY(host.store());
    const auto number = [&](const char* node, MemKb& out) -> Status {
        const auto text = HOSPES_TRY(store->try_read(path::domain(domain) + "/memory/" + node));
        if (const auto value = to_number<std::uint64_t>(text.value_or(""))) out = *value;
        return {};
    };
    DomainConfig config;
    config.c_info.type = config.b_info.type = row.type;
    config.c_info.name = row.name;
    config.c_info.uuid = row.uuid;
    HOSPES_TRY(number("static-max", config.b_info.max_memkb));
    HOSPES_TRY(number("target", config.b_info.target_memkb));
    return config;
}

} // namespace

Result<DomainConfig> running_config(Host& host, xc::DomId domain) {
    auto config = retrieve_config(host, domain);
    if (!config && config.problem().code == ENOENT) config = from_what_is_known(host, domain);
    if (!config) return config;
    if (const auto kept = domain_scheduling(host, domain)) {
        SchedParams& params = config->b_info.sched_params;
        params.sched = kept->scheduler;
        const auto put = [](SchedParam& to, const auto& from) {
            if (from) to = static_cast<int>(*from);
        };
        put(params.weight, kept->weight);
        put(params.cap, kept->cap);
        put(params.period, kept->period_us);
        put(params.budget, kept->budget_us);
        put(params.extratime, kept->extra_time);
    }
    return config;
}

} // namespace hospes::xl
