// SPDX-License-Identifier: MIT
#include <algorithm>
#include <cerrno>

#include "build/guest_memory.hpp"
#include "build/pv_tables.hpp"
#include "xc/build.hpp"

namespace hospes::xc {
namespace {

/// Where everything lies, in guest frames. Virtual address = virt_base + (frame << 12) -
/// paddr_offset.
struct Layout {
    std::uint64_t virt_base = 0, paddr_offset = 0;
    std::uint64_t ramdisk = 0, ramdisk_pages = 0;
    std::uint64_t p2m = 0, p2m_pages = 0, p2m_tables = 0;
    std::uint64_t start_info = 0, store = 0, console = 0;
    std::uint64_t tables = 0, table_pages = 0, stack = 0;
    std::uint64_t mapped_end = 0; ///< first frame that the boot mapping does not cover
    std::uint64_t end = 0;        ///< first frame that is free for the guest
    bool p2m_apart = false, ramdisk_unmapped = false;

    [[nodiscard]] std::uint64_t address(std::uint64_t frame) const {
        return virt_base + (frame << page_shift) - paddr_offset;
    }
    [[nodiscard]] std::uint64_t frame_of(std::uint64_t virtual_address) const {
        return (virtual_address - virt_base + paddr_offset) >> page_shift;
    }
};

constexpr std::uint32_t e820_ram = 1;
constexpr std::uint64_t mapping_unit = (4U << 20) >> page_shift;    // the mapping ends on a 4 MiB boundary ...
constexpr std::uint64_t mapping_spare = (512U << 10) >> page_shift; // ... with at least 512 KiB to spare (xen/xen.h)

Layout plan_layout(const KernelImage& kernel, const GuestPlan& plan) {
    const XenNotes& notes = kernel.notes();
    Layout l;
    l.virt_base = *notes.virt_base;
    l.paddr_offset = notes.paddr_offset.value_or(0);
    l.p2m_apart = notes.init_p2m.has_value();
    l.ramdisk_unmapped = notes.mod_start_is_pfn;
    l.ramdisk_pages = pages_for(plan.ramdisk.size());
    l.p2m_pages = pages_for(plan.pages * sizeof(std::uint64_t));

    std::uint64_t next = pages_for(kernel.physical_end() - l.paddr_offset);
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
    return l;
}

std::span<const std::uint8_t> bytes_of(std::span<const std::uint64_t> words) {
    return {reinterpret_cast<const std::uint8_t*>(words.data()), words.size_bytes()};
}

Status write_tables(const KernelImage& kernel, const GuestMemory& memory, const Layout& l) {
    std::vector<std::uint64_t> frames;
    for (std::uint64_t i = 0; i < l.table_pages; ++i)
        frames.push_back(l.tables + i);
    for (std::uint64_t i = 0; i < l.p2m_tables; ++i)
        frames.push_back(l.p2m + l.p2m_pages + i);
    PvTables tables(memory.p2m(), frames);
    bool fits = tables.map({l.address(0), 0, l.mapped_end});
    if (l.p2m_apart) fits = fits && tables.map({*kernel.notes().init_p2m, l.p2m, l.p2m_pages});
    if (!fits) return error("lay out the guest's page tables", ENOSPC, "internal miscount of table pages");
    for (std::size_t i = 0; i < frames.size(); ++i)
        HOSPES_TRY(memory.write(tables.frame(i) << page_shift, bytes_of(tables.contents(i))));
    return {};
}

Status write_start_info(Control& control, const GuestMemory& memory, const GuestPlan& plan, const Layout& l,
                        const KernelImage& kernel) {
    const DomainInfo info = HOSPES_TRY(control.info(plan.domain));
    std::vector<std::uint8_t> page(page_size);
    auto& start = *reinterpret_cast<start_info_t*>(page.data());
    std::snprintf(start.magic, sizeof(start.magic), "xen-3.0-x86_64");
    start.nr_pages = plan.pages;
    start.shared_info = info.shared_info_frame << page_shift;
    start.store_mfn = memory.p2m()[l.store];
    start.store_evtchn = plan.store_port;
    start.console.domU.mfn = memory.p2m()[l.console];
    start.console.domU.evtchn = plan.console_port;
    start.pt_base = l.address(l.tables);
    start.nr_pt_frames = l.table_pages;
    start.mfn_list = l.p2m_apart ? *kernel.notes().init_p2m : l.address(l.p2m);
    if (l.p2m_apart) {
        start.first_p2m_pfn = l.p2m;
        start.nr_p2m_frames = l.p2m_pages + l.p2m_tables;
    }
    if (!plan.ramdisk.empty()) {
        start.mod_start = l.ramdisk_unmapped ? l.ramdisk : l.address(l.ramdisk);
        start.mod_len = plan.ramdisk.size();
        start.flags = l.ramdisk_unmapped ? SIF_MOD_START_PFN : 0;
    }
    if (plan.command_line.size() >= sizeof(start.cmd_line))
        return error("set the kernel command line", E2BIG,
                     "it has " + std::to_string(plan.command_line.size()) + " characters",
                     "at most " + std::to_string(sizeof(start.cmd_line) - 1) + " fit: shorten extra= or cmdline=");
    std::copy(plan.command_line.begin(), plan.command_line.end(), start.cmd_line);
    HOSPES_TRY(memory.write(l.start_info << page_shift, page));

    const xen_pfn_t shared_frame = info.shared_info_frame;
    const Mapping shared = HOSPES_TRY(map_frames(control.transport(), plan.domain, {&shared_frame, 1}, true));
    auto* const si = shared.as<shared_info_t>();
    std::memset(si, 0, sizeof(*si));
    for (auto& vcpu : si->vcpu_info)
        vcpu.evtchn_upcall_mask = 1;
    return {};
}

Status set_first_vcpu(Control& control, const GuestMemory& memory, const GuestPlan& plan, const Layout& l,
                      const KernelImage& kernel) {
    vcpu_guest_context_t context{};
    context.user_regs.rip = kernel.notes().entry.value_or(kernel.elf_entry());
    context.user_regs.rsp = l.address(l.stack) + page_size;
    context.user_regs.rsi = l.address(l.start_info);
    context.user_regs.rflags = 1U << 9; // interrupts on: events are masked in vcpu_info
    context.user_regs.cs = FLAT_KERNEL_CS;
    context.user_regs.ds = context.user_regs.es = context.user_regs.fs = context.user_regs.gs = FLAT_KERNEL_DS;
    context.user_regs.ss = FLAT_KERNEL_SS;
    context.kernel_ss = FLAT_KERNEL_SS;
    context.kernel_sp = context.user_regs.rsp;
    context.flags = VGCF_in_kernel | VGCF_online;
    context.ctrlreg[3] = memory.p2m()[l.tables] << page_shift;
    return control.set_context(plan.domain, 0, context);
}

} // namespace

Result<BuiltGuest> build_pv(Control& control, const KernelImage& kernel, const GuestPlan& plan) {
    const Layout l = plan_layout(kernel, plan);
    if (l.end > plan.pages)
        return error("lay out the guest", ENOSPC,
                     "kernel, ramdisk and tables need " + std::to_string((l.end >> 8) + 1) + " MiB, the guest has " +
                         std::to_string(plan.pages >> 8) + " MiB",
                     "raise memory=");
    HOSPES_TRY(apply_cpu_policy(control, plan.domain, false, plan.cpuid));
    // The kernel looks up in this map how far it may balloon up.
    const E820 map{0, std::max(plan.pages, plan.max_pages) << page_shift, e820_ram};
    HOSPES_TRY(control.set_memory_map(plan.domain, {&map, 1}));
    GuestMemory memory(control, plan.domain, false);
    HOSPES_TRY(memory.populate(0, plan.pages));
    HOSPES_TRY(memory.load(kernel, l.paddr_offset));
    HOSPES_TRY(memory.write(l.ramdisk << page_shift, plan.ramdisk));
    HOSPES_TRY(memory.write(l.p2m << page_shift, bytes_of(std::span(memory.p2m()).first(plan.pages))));
    HOSPES_TRY(memory.clear(l.store << page_shift, 2 * page_size)); // store and console rings
    HOSPES_TRY(memory.clear(l.stack << page_shift, page_size));
    HOSPES_TRY(write_tables(kernel, memory, l));
    HOSPES_TRY(write_start_info(control, memory, plan, l, kernel));
    if (kernel.notes().hypercall_page)
        HOSPES_TRY(control.fill_hypercall_page(plan.domain, memory.p2m()[l.frame_of(*kernel.notes().hypercall_page)]));
    HOSPES_TRY(control.pin_table(plan.domain, MMUEXT_PIN_L4_TABLE, memory.p2m()[l.tables]));
    HOSPES_TRY(set_first_vcpu(control, memory, plan, l, kernel));
    return BuiltGuest{memory.p2m()[l.store], memory.p2m()[l.console]};
}

Status seed_grant_table(Control& control, const GuestPlan& plan, const BuiltGuest& guest) {
    const Mapping table = HOSPES_TRY(map_grant_table(control.transport(), plan.domain, 1));
    auto* const entries = table.as<grant_entry_v1_t>();
    const auto grant = [entries](unsigned ref, DomId to, xen_pfn_t frame) {
        entries[ref].domid = to;
        entries[ref].frame = static_cast<std::uint32_t>(frame);
        __atomic_store_n(&entries[ref].flags, GTF_permit_access,
                         __ATOMIC_RELEASE); // valid from here on
    };
    grant(GNTTAB_RESERVED_CONSOLE, plan.console_domain, guest.console_frame);
    grant(GNTTAB_RESERVED_XENSTORE, plan.store_domain, guest.store_frame);
    return {};
}

} // namespace hospes::xc
