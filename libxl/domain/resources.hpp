// SPDX-License-Identifier: MIT
// Memory and vCPUs of a domain that runs. The guest's balloon driver and its CPU hotplug follow store nodes;
// these functions write them and set the hypervisor's limits beside them. They do not wait.
#pragma once

#include "libxl/core/host.hpp"
#include "libxl/types/basic.hpp"

namespace hospes::xl {

/// Toolstack and hypervisor keep that much of a domain's limit for pages that the guest was not promised
/// (libxl's LIBXL_MAXMEM_CONSTANT).
inline constexpr std::uint64_t maxmem_slack_kib = 1024;
/// libxl lets no target of dom0 go below this.
inline constexpr std::uint64_t min_dom0_kib = 128 * 1024;

/// mem-set: memory/target, and the hypervisor's limit with it when `enforce` (as xl does). ERANGE beyond
/// memory/static-max or, for domain 0, below 128 MiB.
Status set_memory_target(Host& host, xc::DomId domain, std::uint64_t kib, bool enforce = true);
/// In KiB, from memory/target; what dom0 has when nobody has set its target yet.
Result<std::uint64_t> memory_target(Host& host, xc::DomId domain);
/// mem-max: the hypervisor's limit; memory/static-max stays. ERANGE below the present target.
Status set_memory_max(Host& host, xc::DomId domain, std::uint64_t kib);

/// vcpu-set: cpu/N/availability of every vCPU that the domain has. ERANGE when `online` names one that it has not.
Status set_online_vcpus(Host& host, xc::DomId domain, const Bitmap& online);

/// The host's memory as creation sees it, in KiB.
struct HostMemory {
    std::uint64_t total = 0, free = 0;
    std::uint64_t claimed = 0;   ///< of `free`, promised to domains that are being built
    std::uint64_t scrubbing = 0; ///< of `free`, not clean yet
    [[nodiscard]] std::uint64_t available() const { return free > claimed ? free - claimed : 0; }
};
Result<HostMemory> host_memory(Host& host);

} // namespace hospes::xl
