// SPDX-License-Identifier: MIT
#pragma once

#include "lib/types.hpp"

namespace hv {

/// From boot_info and the NUMA layout in `acpi`: final page tables (direct map, frame table, M2P, image with W^X), then
/// the heap. Afterwards CR3 holds idle_l4 and head.S's identity mapping is gone from this CPU.
void mm_init();
/// Frees RAM that the boot needed and nobody uses any more (modules once dom0 has been built).
void mm_free_boot_range(u64 start, u64 end);
u64 mm_ram_pages(); ///< pages of RAM of the machine, the hypervisor's included

} // namespace hv
