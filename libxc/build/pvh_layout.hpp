// SPDX-License-Identifier: MIT
// Where everything of a PVH guest lies in its physical memory. Pure; docs/guest-memory.md draws it.
#pragma once

#include "build/acpi.hpp"
#include "xc/build.hpp"

namespace hospes::xc {

/// From here to 4 GiB there is no memory but what is named below, so that devices may appear there.
constexpr std::uint64_t pvh_hole_start = 0xfc000000, pvh_hole_end = 1ULL << 32;
constexpr std::uint64_t pvh_acpi_address = pvh_hole_start; ///< the ACPI tables
/// Eight frames that Xen's toolstack keeps for shared pages; those that are used are populated.
constexpr xen_pfn_t pvh_special_first = 0xfeff8;
enum class PvhSpecial : xen_pfn_t {
    paging_ring = 0,
    monitor_ring = 1,
    sharing_ring = 2,
    store = 4,
    ident_pt = 6,
    console = 7
};
constexpr xen_pfn_t frame_of(PvhSpecial page) { return pvh_special_first + static_cast<xen_pfn_t>(page); }

struct PvhLayout {
    std::uint64_t low_pages = 0;  ///< RAM from 0 on
    std::uint64_t high_pages = 0; ///< RAM from 4 GiB on
    std::uint64_t ramdisk = 0;    ///< addresses
    std::uint64_t start_info = 0;
    std::uint64_t info_size = 0; ///< bytes of start_info with all it points to
    std::uint64_t end = 0;
    std::vector<E820> map; ///< for the guest and for the hypervisor
};

/// Fails when the guest's memory cannot hold what must be loaded.
Result<PvhLayout> plan_pvh(const KernelImage& kernel, const GuestPlan& plan, std::size_t acpi_bytes);

/// hvm_start_info, modules, memory map and command line, to be placed at layout.start_info
/// (xen/arch-x86/hvm/start_info.h).
std::vector<std::uint8_t> pvh_start_info(const GuestPlan& plan, const PvhLayout& layout, std::uint64_t rsdp);

} // namespace hospes::xc
