// SPDX-License-Identifier: MIT
// The x86 part of a domain.
#pragma once

#include "abi/xen.hpp"
#include "core/init/boot_info.hpp"
#include "lib/frame.hpp"
#include "lib/rangeset.hpp"
#include "lib/spinlock.hpp"

namespace hv {

struct CpuPolicy; // CPUID/MSR view, arch/x86/cpu/policy.hpp
struct PirqTable; // guest IRQs, arch/x86/irq/pirq.hpp

struct ArchDomain {
    // Per-domain virtual area (slot 260): GDT/LDT windows of each vCPU. See arch/x86/mm/perdomain.hpp.
    Mfn perdomain_l3{};
    SpinLock pv_mm_lock{LockRank::pv_mm}; ///< serialises page-table updates of this PV domain
    RangeSet ioports_allowed;
    u32 pci_cf8 = 0; ///< what the guest last wrote to port 0xcf8
    CpuPolicy* cpu_policy = nullptr;
    PirqTable* pirqs = nullptr;
    E820Entry* e820 = nullptr; ///< XENMEM_set_memory_map
    u32 e820_count = 0;
    u64 physdev_eoi_mfn = 0; ///< PHYSDEVOP_pirq_eoi_gmfn page (0 = none)
    bool auto_unmask = false;
    // XEN_DOMCTL_settscinfo
    u32 tsc_mode = 0;
    u32 tsc_khz = 0;
    u64 tsc_elapsed_ns = 0;
    u32 tsc_incarnation = 0;
    u64 nr_pfns = 0; ///< arch_shared_info.max_pfn as last seen
    s32 relinquish_stage = 0;
    // HVM parts (p2m, params, ioreq) come with SVM.
};

} // namespace hv
