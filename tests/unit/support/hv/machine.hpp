// SPDX-License-Identifier: MIT
// The fake machine under the hypervisor's cores: 32 MiB of RAM in the heap, no CPUs but threads, and counters.
#pragma once

#include <functional>

#include "core/domain/domain.hpp"

namespace hvtest {

struct Machine {
    unsigned tlb_flushes = 0;   ///< flushes of any kind
    unsigned preempt_after = 0; ///< hypercall_preempt_check() says yes once in so many calls; 0: never
    unsigned preempt_polls = 0;
    unsigned domains_destroyed = 0;
    std::function<bool(hv::u64 address, void* to, hv::usize bytes)> guest_read;
    std::function<bool(hv::u64 address, const void* from, hv::usize bytes)> guest_write;
};
extern Machine machine;

/// A PV domain with one vCPU, which becomes current() of this thread.
hv::Domain& new_domain(hv::u16 id, hv::u32 max_pages = 4096);
/// Releases all its pages; the caller has dropped every reference. Frees the structures.
void end_domain(hv::Domain& domain);
/// A fresh page of the domain.
hv::PageInfo& new_page(hv::Domain& domain);

} // namespace hvtest
