// SPDX-License-Identifier: MIT
#include <algorithm>
#include <cerrno>

#include "build/guest_memory.hpp"
#include "build/pv_layout.hpp"
#include "build/vnuma.hpp"
#include "xc/build.hpp"

namespace hospes::xc {
namespace {

constexpr std::uint32_t e820_ram = 1;

std::span<const std::uint8_t> bytes_of(std::span<const std::uint64_t> words) {
    return {reinterpret_cast<const std::uint8_t*>(words.data()), words.size_bytes()};
}

Status write_tables(const KernelImage& kernel, const GuestMemory& memory, const PvLayout& l) {
    std::vector<std::uint64_t> frames;
    for (std::uint64_t i = 0; i < l.table_pages; ++i)
        frames.push_back(l.tables + i);
    for (std::uint64_t i = 0; i < l.p2m_tables; ++i)
        frames.push_back(l.p2m + l.p2m_pages + i);
    PvTables tables(memory.p2m(), frames);
    bool fits = tables.map({l.address(0), 0, l.mapped_end});
    if (l.p2m_apart) fits = fits && tables.map({*kernel.notes().init_p2m, l.p2m, l.p2m_pages});
    if (!fits) return error("lay out the guest's page tables", ENOSPC, "internal miscount of table pages");
    std::vector<std::uint64_t> run; // consecutive frames at once
    for (std::size_t i = 0, first = 0; i < frames.size(); ++i) {
        run.insert(run.end(), tables.contents(i).begin(), tables.contents(i).end());
        if (i + 1 < frames.size() && frames[i + 1] == frames[i] + 1) continue;
        HOSPES_TRY(memory.write(frames[first] << page_shift, bytes_of(run), GuestMemory::Pages::tables));
        run.clear();
        first = i + 1;
    }
    return {};
}

Status write_start_info(Control& control, const GuestMemory& memory, const GuestPlan& plan, const PvLayout& l,
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

Status set_first_vcpu(Control& control, const GuestMemory& memory, const GuestPlan& plan, const PvLayout& l,
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
    const PvLayout l = HOSPES_TRY(plan_pv(kernel, plan));
    HOSPES_TRY(apply_cpu_policy(control, plan.domain, false, plan.cpuid));
    // The kernel looks up in this map how far it may balloon up.
    const E820 map{0, std::max(plan.pages, plan.max_pages) << page_shift, e820_ram};
    HOSPES_TRY(control.set_memory_map(plan.domain, {&map, 1}));
    const std::pair<std::uint64_t, std::uint64_t> ram[] = {{0, plan.pages}};
    const VnumaLayout vnuma = HOSPES_TRY(plan_vnuma(plan, ram));
    HOSPES_TRY(announce_vnuma(control, plan, vnuma));
    GuestMemory memory(control, plan.domain, false);
    HOSPES_TRY(vnuma.empty() ? memory.populate(0, plan.pages) : populate_nodes(memory, plan, vnuma));
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
