// SPDX-License-Identifier: MIT
// Where everything of a PV guest's start of day lies. Pure; docs/guest-memory.md draws it.
#pragma once

#include "build/pv_tables.hpp"
#include "xc/build.hpp"

namespace hospes::xc {

/// In guest frames, which begin at the virtual address virt_base.
struct PvLayout {
    std::uint64_t virt_base = 0;
    std::uint64_t paddr_offset = 0; ///< what the kernel's ELF addresses are more than its guest-physical ones
    std::uint64_t ramdisk = 0, ramdisk_pages = 0;
    std::uint64_t p2m = 0, p2m_pages = 0, p2m_tables = 0;
    std::uint64_t start_info = 0, store = 0, console = 0;
    std::uint64_t tables = 0, table_pages = 0, stack = 0;
    std::uint64_t mapped_end = 0; ///< first frame that the boot mapping does not cover
    std::uint64_t end = 0;        ///< first frame that is free for the guest
    bool p2m_apart = false, ramdisk_unmapped = false;

    [[nodiscard]] std::uint64_t address(std::uint64_t frame) const { return virt_base + (frame << page_shift); }
    [[nodiscard]] std::uint64_t frame_of(std::uint64_t address) const { return (address - virt_base) >> page_shift; }
};

/// Fails when the kernel's notes make no sense or the guest's memory cannot hold what must be loaded.
Result<PvLayout> plan_pv(const KernelImage& kernel, const GuestPlan& plan);

} // namespace hospes::xc
