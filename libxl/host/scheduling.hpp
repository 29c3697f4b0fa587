// SPDX-License-Identifier: MIT
// Scheduler parameters of domains, vCPUs and CPU pools. Which scheduler a domain has follows from
// its pool.
#pragma once

#include <optional>

#include "libxl/core/host.hpp"
#include "libxl/types/basic.hpp"

namespace hospes::xl {

/// What a scheduler keeps for a domain; a member that it does not know is empty.
struct DomainScheduling {
    Scheduler scheduler = Scheduler::unknown;
    std::optional<unsigned> weight, cap;          ///< credit, credit2; cap in percent of a CPU, 0: none
    std::optional<unsigned> period_us, budget_us; ///< rtds
    std::optional<bool> extra_time;               ///< rtds
};
Result<Scheduler> scheduler_of(Host& host, xc::DomId domain);
Result<DomainScheduling> domain_scheduling(Host& host, xc::DomId domain);
/// Changes the members that are set. `change.scheduler` must be the domain's; values out of the
/// scheduler's range are refused before the hypervisor sees them.
Status set_domain_scheduling(Host& host, xc::DomId domain, const DomainScheduling& change);

struct VcpuScheduling {
    unsigned vcpu = 0, period_us = 0, budget_us = 0;
    bool extra_time = false;
};
/// rtds only. `vcpus` empty: all of the domain.
Result<std::vector<VcpuScheduling>> vcpu_scheduling(Host& host, xc::DomId domain, std::vector<unsigned> vcpus);
Status set_vcpu_scheduling(Host& host, xc::DomId domain, const std::vector<VcpuScheduling>& change);

struct PoolScheduling {
    std::optional<unsigned> timeslice_ms, migration_delay_us; ///< credit
    std::optional<unsigned> ratelimit_us;                     ///< credit, credit2
};
Result<PoolScheduling> pool_scheduling(Host& host, std::uint32_t pool, Scheduler scheduler);
Status set_pool_scheduling(Host& host, std::uint32_t pool, Scheduler scheduler, const PoolScheduling& change);

} // namespace hospes::xl
