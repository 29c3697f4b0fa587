// SPDX-License-Identifier: MIT
// CPU pools: groups of CPUs with a scheduler of their own. Names are kept in the store
// (/local/pool/ID/name), the rest is the hypervisor's.
#pragma once

#include "libxl/core/host.hpp"
#include "libxl/types/basic.hpp"

namespace hospes::xl {

struct CpuPool {
    std::uint32_t id = 0;
    std::string name;
    Scheduler scheduler = Scheduler::unknown;
    unsigned domains = 0;
    Bitmap cpus;
};

Result<std::vector<CpuPool>> list_pools(Host& host);
/// A pool's name, or its number; ENOENT when there is none.
Result<CpuPool> find_pool(Host& host, std::string_view what);

/// Makes a pool of free CPUs. A CPU that cannot be had undoes all of it.
Result<std::uint32_t> create_pool(Host& host, const std::string& name, Scheduler scheduler, const Bitmap& cpus);
/// Only a pool without domains can go; its CPUs become free.
Status destroy_pool(Host& host, const CpuPool& pool);
Status rename_pool(Host& host, std::uint32_t pool, const std::string& name);

/// Adds or removes each of `cpus`, whatever becomes of the others; the error names all that failed.
Status add_pool_cpus(Host& host, const CpuPool& pool, const Bitmap& cpus);
Status remove_pool_cpus(Host& host, const CpuPool& pool, const Bitmap& cpus);
Status move_to_pool(Host& host, xc::DomId domain, const CpuPool& pool);

/// CPUs that are in no pool.
Result<Bitmap> free_cpus(Host& host);

} // namespace hospes::xl
