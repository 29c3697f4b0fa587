// SPDX-License-Identifier: MIT
// Where a domain's memory and vCPUs go: free memory, NUMA nodes, scheduler parameters.
#pragma once

#include <optional>
#include <vector>

#include "libxl/core/wait.hpp"
#include "libxl/domain/resources.hpp"
#include "libxl/types/domain_config.hpp"
#include "xc/build.hpp"

namespace hospes::xl {

/// What a domain takes of the host beyond its own memory (page tables, vCPUs, grant tables), at least (KiB).
inline constexpr std::uint64_t domain_overhead_kib = 2048;
std::uint64_t memory_needed(const BuildInfo& build);
/// Part of that: for the tables of second-level paging, KiB (xl.cfg's shadow_memory); none for PV.
std::uint64_t paging_pool_needed(const BuildInfo& build);

/// Makes sure that `needed` KiB are free. With `autoballoon` dom0 gives up what is missing (down to 128 MiB); that
/// is noted in `taken_from_dom0` for give_back(). ENOMEM names what is needed, free and claimed.
Status reserve_memory(Host& host, std::uint64_t needed, bool autoballoon, Clock::time_point deadline,
                      const Cancel* cancel, std::uint64_t& taken_from_dom0);
void give_back_to_dom0(Host& host, std::uint64_t kib);

struct NumaNode {
    std::uint64_t free_kib = 0;
    unsigned cpus = 0;  ///< that the domain may use
    unsigned vcpus = 0; ///< of other domains that have their affinity here
};
/// The fewest nodes that hold the domain's memory, with a CPU for each vCPU when that is possible; among equals the
/// ones with fewer vCPUs per CPU, then with more free memory. Empty: no better than the whole machine.
std::vector<unsigned> choose_nodes(const std::vector<NumaNode>& nodes, std::uint64_t kib, unsigned vcpus);

/// Automatic placement as libxl does it: only when the configuration pins nothing and the machine has several
/// nodes. Fills in nodemap; the answer is the CPUs of the nodes, for the soft affinity.
Result<Bitmap> place(Host& host, BuildInfo& build);

/// The virtual nodes of vnuma=, on nodes of the machine that exist. Empty without it.
Result<std::vector<xc::VirtualNode>> virtual_nodes(Host& host, const BuildInfo& build);

/// Number of the pool that `pool=` names (its name or number). ENOENT.
Result<std::uint32_t> find_pool(Host& host, const std::string& name);
/// Weight, cap and the like that the configuration gives, on top of the scheduler's own defaults.
Status apply_scheduling(Host& host, xc::DomId domain, const SchedParams& wanted, std::uint32_t pool);

} // namespace hospes::xl
