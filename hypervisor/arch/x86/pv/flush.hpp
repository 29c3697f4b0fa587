// SPDX-License-Identifier: MIT
// TLB flushes that a guest asks for. Guest translations are never global, so loading CR3 drops exactly them.
#pragma once

#include "cpu/cr.hpp"
#include "mm/tlb.hpp"
#include "mm/tlb_ipi.hpp"

namespace hv {

inline void flush_guest_local() {
    tlb_note_flush();
    memory_fence();
    write_cr3(read_cr3());
}
/// `address` ~0: everything.
void flush_guest_cpus(const CpuMask& mask, u64 address);
/// Of the current domain, the vCPUs named by the guest's bitmap.
Status flush_guest_vcpus(u64 bitmap_address, u64 address);

} // namespace hv
