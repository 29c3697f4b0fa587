// SPDX-License-Identifier: MIT
#include "build/pv_layout.hpp"

#include <algorithm>
#include <cerrno>

namespace hospes::xc {
namespace {

constexpr std::uint64_t mapping_unit = (4U << 20) >> page_shift;    // the mapping ends on a 4 MiB boundary ...
constexpr std::uint64_t mapping_spare = (512U << 10) >> page_shift; // ... with at least 512 KiB to spare (xen/xen.h)

Error senseless(const char* why) {
    return error("lay out the guest", ENOEXEC, why, "use a kernel built for Xen guests");
}

/// Whether a PV guest may map [start, start + bytes): canonical, and none of the hypervisor's own addresses
/// (xen/arch-x86/xen-x86_64.h).
bool mappable(std::uint64_t start, std::uint64_t bytes) {
    constexpr std::uint64_t low_end = 1ULL << 47, high_start = 0xffff880000000000;
    if (start % page_size || bytes == 0) return false;
    const std::uint64_t last = start + (bytes - 1);
    return last >= start && (start >= high_start || last < low_end);
}

Status check_notes(const KernelImage& kernel, const PvLayout& l) {
    const XenNotes& notes = kernel.notes();
    const std::uint64_t mapped = l.mapped_end << page_shift;
    if (!mappable(l.virt_base, mapped)) return senseless("the kernel's VIRT_BASE note is no place for it");
    const std::uint64_t entry = notes.entry.value_or(kernel.elf_entry());
    if (entry - l.virt_base >= mapped) return senseless("the kernel's entry point lies outside of it");
    if (notes.hypercall_page && (*notes.hypercall_page - l.virt_base >= mapped || *notes.hypercall_page % page_size))
        return senseless("the kernel's hypercall page lies outside of it");
    if (!l.p2m_apart) return {};
    const std::uint64_t list = *notes.init_p2m, list_bytes = l.p2m_pages << page_shift;
    if (!mappable(list, list_bytes) || (list < l.virt_base + mapped && l.virt_base < list + list_bytes))
        return senseless("the kernel's INIT_P2M note is no place for the list");
    return {};
}

} // namespace

Result<PvLayout> plan_pv(const KernelImage& kernel, const GuestPlan& plan) {
    const XenNotes& notes = kernel.notes();
    if (!kernel.supports_pv()) return senseless("the kernel has no 64-bit PV entry (Xen ELF notes)");
    PvLayout l;
    l.virt_base = *notes.virt_base;
    l.paddr_offset = notes.paddr_offset.value_or(0);
    if (l.paddr_offset > kernel.physical_start())
        return senseless("the kernel's PADDR_OFFSET note is beyond its start");
    if (plan.command_line.size() >= MAX_GUEST_CMDLINE)
        return error("set the kernel command line", E2BIG,
                     "it has " + std::to_string(plan.command_line.size()) + " characters",
                     "at most " + std::to_string(MAX_GUEST_CMDLINE - 1) + " fit: shorten extra= or cmdline=");
    l.p2m_apart = notes.init_p2m.has_value();
    l.ramdisk_unmapped = notes.mod_start_is_pfn;
    l.ramdisk_pages = pages_for(plan.ramdisk.size());
    l.p2m_pages = pages_for(plan.pages * sizeof(std::uint64_t));

    std::uint64_t next = pages_for(kernel.physical_end() - l.paddr_offset);
    const auto fits = [&](std::uint64_t needed) -> Status {
        if (needed <= plan.pages) return {};
        return error("lay out the guest", ENOSPC,
                     "kernel, ramdisk and tables need " + std::to_string((needed >> 8) + 1) + " MiB, the guest has " +
                         std::to_string(plan.pages >> 8) + " MiB",
                     "raise memory=");
    };
    HOSPES_TRY(fits(next)); // before tables are counted for a hostile number
    const auto take = [&next](std::uint64_t pages) {
        const std::uint64_t at = next;
        next += pages;
        return at;
    };
    if (!l.ramdisk_unmapped) l.ramdisk = take(l.ramdisk_pages);
    if (!l.p2m_apart) l.p2m = take(l.p2m_pages);
    l.start_info = take(1);
    l.store = take(1);
    l.console = take(1);
    // The tables map themselves: repeat until their number is stable.
    for (std::uint64_t guess = 1, need;; guess = need) {
        l.mapped_end = (next + guess + 1 + mapping_spare + mapping_unit - 1) / mapping_unit * mapping_unit;
        need = 1 + tables_for(l.virt_base, l.mapped_end);
        if (need <= guess) {
            l.table_pages = guess;
            break;
        }
    }
    l.tables = take(l.table_pages);
    l.stack = take(1);
    l.mapped_end = std::min(l.mapped_end, std::max(plan.pages, next));
    if (l.ramdisk_unmapped) l.ramdisk = take(l.ramdisk_pages);
    if (l.p2m_apart) {
        // Its page tables belong to the list's own area, which the guest reserves and later frees
        // as a whole.
        l.p2m_tables = tables_for(*notes.init_p2m, l.p2m_pages);
        l.p2m = take(l.p2m_pages + l.p2m_tables);
    }
    l.end = next;
    HOSPES_TRY(check_notes(kernel, l));
    HOSPES_TRY(fits(l.end));
    return l;
}

} // namespace hospes::xc
