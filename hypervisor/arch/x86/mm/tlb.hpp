// SPDX-License-Identifier: MIT
// TLB flushing.
#pragma once

#include "core/sched/sched.hpp"

namespace hv {

void tlb_flush_local(); ///< every guest translation (guests have no global ones)
void tlb_flush_local_page(u64 address);
void tlb_flush_mask(const CpuMask& mask);        ///< IPI to the others, waits
void tlb_flush_global_mask(const CpuMask& mask); ///< the hypervisor's own translations, too
void tlb_flush_page_mask(const CpuMask& mask, u64 address);
/// CPUs that may hold translations of this domain's page tables now: the union of its vcpus' arch.loaded_on.
CpuMask domain_dirty_cpus(const Domain& domain);
/// Global clock of flushes: a freed page stamped with `tlb_clock()` is clean on every CPU that flushed since.
u32 tlb_clock();
/// Flushes CPUs in `mask` that have not flushed since `stamp`.
void tlb_filter(CpuMask& mask, u32 stamp);

} // namespace hv
