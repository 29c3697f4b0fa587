// SPDX-License-Identifier: MIT
#include "build/pvh_layout.hpp"

#include <algorithm>
#include <cerrno>

#include <xen/arch-x86/hvm/start_info.h>

namespace hospes::xc {
namespace {

constexpr std::size_t command_line_limit = 32768;

std::uint64_t whole_pages(std::uint64_t bytes) { return pages_for(bytes) << page_shift; }

Error too_small(std::uint64_t needed, std::uint64_t there) {
    constexpr unsigned mib = 20;
    return error("lay out the guest", ENOSPC,
                 "kernel and ramdisk end at " + std::to_string((needed >> mib) + 1) + " MiB, the guest has " +
                     std::to_string(there >> mib) + " MiB below 4 GiB",
                 "raise memory=");
}

} // namespace

Result<PvhLayout> plan_pvh(const KernelImage& kernel, const GuestPlan& plan, std::size_t acpi_bytes) {
    constexpr std::uint64_t low_limit = pvh_hole_start >> page_shift;
    const std::uint64_t pages = std::max(plan.pages, plan.max_pages);
    PvhLayout l;
    l.low_pages = std::min(pages, low_limit);
    l.high_pages = pages - l.low_pages;
    const std::uint64_t low_end = l.low_pages << page_shift;
    // What is loaded must be there from the start: with populate-on-demand that is no more than `pages`.
    const std::uint64_t usable = std::min(low_end, plan.pages << page_shift);

    if (plan.command_line.size() > command_line_limit)
        return error("set the kernel command line", E2BIG,
                     "it has " + std::to_string(plan.command_line.size()) + " characters",
                     "at most " + std::to_string(command_line_limit) + " are possible: shorten extra= or cmdline=");
    const std::uint64_t entry = kernel.notes().phys32_entry.value_or(0);
    if (entry < kernel.physical_start() || entry >= kernel.physical_end())
        return error("lay out the guest", ENOEXEC, "the kernel's PVH entry point lies outside of it",
                     "use a kernel built for Xen guests");
    if (kernel.physical_start() == 0)
        return error("lay out the guest", ENOEXEC, "the kernel wants to be loaded at address 0");
    if (kernel.physical_end() > usable) return too_small(kernel.physical_end(), usable);

    l.ramdisk = whole_pages(kernel.physical_end());
    if (plan.ramdisk.size() > usable) return too_small(l.ramdisk + plan.ramdisk.size(), usable);
    l.start_info = l.ramdisk + whole_pages(plan.ramdisk.size());

    constexpr std::uint32_t ram = XEN_HVM_MEMMAP_TYPE_RAM, acpi = XEN_HVM_MEMMAP_TYPE_ACPI,
                            reserved = XEN_HVM_MEMMAP_TYPE_RESERVED;
    l.map.push_back({0, low_end, ram});
    l.map.push_back({pvh_acpi_address, whole_pages(acpi_bytes), acpi});
    l.map.push_back({pvh_special_first << page_shift, 8 * page_size, reserved});
    if (l.high_pages) l.map.push_back({pvh_hole_end, l.high_pages << page_shift, ram});

    l.info_size = sizeof(hvm_start_info) + sizeof(hvm_modlist_entry) + l.map.size() * sizeof(hvm_memmap_table_entry) +
                  plan.command_line.size() + 1;
    l.end = l.start_info + whole_pages(l.info_size);
    if (l.end > usable) return too_small(l.end, usable);
    return l;
}

std::vector<std::uint8_t> pvh_start_info(const GuestPlan& plan, const PvhLayout& l, std::uint64_t rsdp) {
    std::vector<std::uint8_t> out(l.info_size);
    std::uint64_t at = sizeof(hvm_start_info);
    const auto place = [&](const auto& record) {
        std::memcpy(out.data() + at, &record, sizeof(record));
        at += sizeof(record);
    };
    hvm_start_info info{};
    info.magic = XEN_HVM_START_MAGIC_VALUE;
    info.version = 1;
    info.rsdp_paddr = rsdp;
    if (!plan.ramdisk.empty()) {
        info.nr_modules = 1;
        info.modlist_paddr = l.start_info + at;
    }
    place(hvm_modlist_entry{l.ramdisk, plan.ramdisk.size(), 0, 0});
    info.memmap_paddr = l.start_info + at;
    info.memmap_entries = static_cast<std::uint32_t>(l.map.size());
    for (const E820& range : l.map)
        place(hvm_memmap_table_entry{range.address, range.size, range.type, 0});
    info.cmdline_paddr = l.start_info + at;
    std::copy(plan.command_line.begin(), plan.command_line.end(), out.begin() + static_cast<std::ptrdiff_t>(at));
    std::memcpy(out.data(), &info, sizeof(info));
    return out;
}

} // namespace hospes::xc
