// SPDX-License-Identifier: MIT
// dom0_mem= and dom0_max_vcpus= (Xen's spelling).
#pragma once

#include "lib/types.hpp"

namespace hv {

/// `512M`, `-256M` (all but that), `25%` of what is free.
struct MemoryAmount {
    bool given = false, negative = false;
    u64 pages = 0;
    u32 percent = 0;
    [[nodiscard]] u64 of(u64 available) const {
        const u64 base = percent ? available / 100 * percent : pages;
        return negative ? (base < available ? available - base : 0) : base;
    }
};
struct Dom0Memory {
    MemoryAmount size, min, max;
};
/// `[<size>][,min:<size>][,max:<size>]`. False: malformed, `out` unchanged.
bool dom0_memory_parse(const char* text, Dom0Memory& out);
/// Pages that dom0 starts with: as asked, else what is available but a 16th (128 MiB at most) for the hypervisor.
u64 dom0_memory_pages(const Dom0Memory& asked, u64 available);

/// `<n>`, `<min>-`, `-<max>` or `<min>-<max>`.
struct Dom0Vcpus {
    u32 min = 1, max = ~0U;
};
bool dom0_vcpus_parse(const char* text, Dom0Vcpus& out);

} // namespace hv
