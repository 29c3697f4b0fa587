// SPDX-License-Identifier: MIT
// The hypervisor's own mappings. The L3 tables of all its slots but the per-domain one are the same in every page
// table of the machine and exist before the first guest, so a mapping made here appears everywhere at once.
#pragma once

#include "lib/result.hpp"
#include "mm/pte.hpp"

namespace hv {

/// Hypervisor mappings are global (CR4.PGE), guests' never are: a plain CR3 load flushes exactly the guest's.
struct HvMap {
    static constexpr u64 base = PteBits::present | PteBits::accessed | PteBits::dirty | PteBits::global;
    static constexpr u64 rw = base | PteBits::rw | PteBits::nx;
    static constexpr u64 ro = base | PteBits::nx;
    static constexpr u64 rx = base;
    static constexpr u64 uncached = rw | PteBits::pcd | PteBits::pwt; ///< PAT entry 3, UC in every layout
};

/// Maps `pages` frames from `first`; uses 2 MiB (1 GiB where the CPU can) pages when everything is aligned.
/// Nothing may be mapped there yet. -ENOMEM.
Status hv_map(u64 address, Mfn first, u64 pages, u64 flags);
/// Removes and flushes (every CPU). Whole large pages only.
void hv_unmap(u64 address, u64 pages);

/// Maps device memory (uncached) or firmware tables (cached). nullptr: no room. Alignment of `maddr` is free.
void* ioremap(u64 maddr, u64 bytes);
void iounmap(void* address, u64 bytes);
/// `pages` unrelated frames side by side, writable; nullptr: no room. iounmap() undoes it.

/// Top-level table with nothing but the hypervisor: idle CPUs run on it.
extern Mfn idle_l4;
inline u64 idle_cr3() { return idle_l4.raw() << page_shift; }

} // namespace hv
