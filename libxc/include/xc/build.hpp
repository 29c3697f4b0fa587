// SPDX-License-Identifier: MIT
// Building a guest in a domain that exists but has no memory yet: populate, load, start of day.
#pragma once

#include "xc/cpu_policy.hpp"
#include "xc/image.hpp"

namespace hospes::xc {

/// A virtual NUMA node (xl.cfg's vnuma=).
struct VirtualNode {
    std::uint64_t pages = 0;
    unsigned machine_node = 0; ///< of the host, where its memory comes from
    std::vector<unsigned> vcpus;
    std::vector<std::uint32_t> distances; ///< to each node; 10 to itself
};

struct GuestPlan {
    DomId domain = 0;
    std::uint64_t pages = 0;     ///< memory at the start (4 KiB pages)
    std::uint64_t max_pages = 0; ///< how far it may balloon up; 0: as `pages`. PVH: populated on demand
    unsigned vcpus = 1;
    std::string command_line;
    Content ramdisk;
    DomId store_domain = 0, console_domain = 0;
    std::uint32_t store_port = 0, console_port = 0;
    std::uint64_t paging_pool = 0;  ///< bytes, PVH: for the hypervisor's tables about it; 0: by rule of thumb
    std::vector<CpuidRule> cpuid;   ///< on top of the host's default for this type
    std::vector<VirtualNode> nodes; ///< none: no virtual NUMA
};

/// What the rest of the toolstack must know about the built guest.
struct BuiltGuest {
    xen_pfn_t store_frame = 0, console_frame = 0; ///< PV: machine frames; PVH: guest frames
};

/// PV start of day (xen/xen.h, "Start-of-day memory layout"): the kernel at its notes' addresses,
/// then ramdisk, start_info, store and console pages, page tables, boot stack, and the
/// physical-to-machine list.
Result<BuiltGuest> build_pv(Control& control, const KernelImage& kernel, const GuestPlan& plan);
/// PVH start of day (xen/arch-x86/hvm/start_info.h): the kernel at its physical addresses, then ramdisk and
/// hvm_start_info; ACPI tables and shared pages in the hole below 4 GiB.
Result<BuiltGuest> build_pvh(Control& control, const KernelImage& kernel, const GuestPlan& plan);

/// Grants the console and store pages to their daemons' domains (reserved references 0 and 1), so
/// that they need no foreign mapping right.
Status seed_grant_table(Control& control, const GuestPlan& plan, const BuiltGuest& guest);

} // namespace hospes::xc
