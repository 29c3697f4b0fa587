// SPDX-License-Identifier: MIT
// The tables of xl sched-credit, sched-credit2 and sched-rtds.
#pragma once

#include "libxl/host/scheduling.hpp"
#include "xl/output/json.hpp"

namespace hospes::output {

struct DomainSched {
    xc::DomId id = 0;
    std::string name;
    xl::DomainScheduling params;
};
struct VcpuSched {
    xc::DomId id = 0;
    std::string name;
    xl::VcpuScheduling params;
};

std::string sched_heading(xl::Scheduler scheduler);
std::string sched_row(const DomainSched& domain);
std::string sched_vcpu_heading();
std::string sched_vcpu_row(const VcpuSched& vcpu);
/// "Cpupool Pool-0: ratelimit=1000us"; `params` empty: the hypervisor did not say.
std::string sched_pool(const std::string& name, xl::Scheduler scheduler,
                       const std::optional<xl::PoolScheduling>& params);

void sched_json(Json& json, const DomainSched& domain);
void sched_json(Json& json, const VcpuSched& vcpu);
void sched_json(Json& json, const std::string& pool, xl::Scheduler scheduler, const xl::PoolScheduling& params);

} // namespace hospes::output
