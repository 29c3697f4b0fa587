// SPDX-License-Identifier: MIT
#include <algorithm>
#include <cerrno>

#include "build/guest_memory.hpp"
#include "build/hvm_state.hpp"
#include "build/pvh_layout.hpp"
#include "build/vnuma.hpp"
#include "xc/build.hpp"
#include "xc/cpu_policy.hpp"

namespace hospes::xc {
namespace {

/// Memory for the hypervisor's tables about the guest: 1 MiB for each vCPU and two pages for each MiB.
/// What Xen's toolstack gives, so that accounts are the same.
std::uint64_t paging_pool_for(const GuestPlan& plan) {
    const std::uint64_t mib = std::max(plan.pages, plan.max_pages) >> 8;
    return (256ULL * plan.vcpus + 2 * mib) << page_shift;
}

/// The ranges of RAM; those of populate-on-demand get their pages when the guest touches them.
Status populate_ram(Control& control, GuestMemory& memory, const GuestPlan& plan, const PvhLayout& l,
                    const VnumaLayout& vnuma) {
    if (!vnuma.empty()) return populate_nodes(memory, plan, vnuma);
    const bool on_demand = plan.max_pages > plan.pages;
    if (on_demand) HOSPES_TRY(control.set_pod_target(plan.domain, plan.pages));
    const unsigned flags = on_demand ? XENMEMF_populate_on_demand : 0;
    HOSPES_TRY(memory.populate(0, l.low_pages, flags));
    return memory.populate(pvh_hole_end >> page_shift, l.high_pages, flags);
}

/// A page directory that maps the first 4 GiB onto themselves in 4 MiB pages, for processors that can
/// not run a guest without paging (Intel SDM volume 3, 4.3).
std::vector<std::uint8_t> identity_table() {
    constexpr std::uint32_t present = 1, writable = 2, user = 4, accessed = 0x20, dirty = 0x40, large = 0x80;
    std::vector<std::uint8_t> page(page_size);
    for (std::uint32_t i = 0; i < page_size / 4; ++i) {
        const std::uint32_t entry = i << 22 | present | writable | user | accessed | dirty | large;
        std::memcpy(page.data() + 4 * i, &entry, 4);
    }
    return page;
}

Status place_special_pages(Control& control, GuestMemory& memory, const GuestPlan& plan) {
    using enum PvhSpecial;
    HOSPES_TRY(memory.populate({frame_of(paging_ring), frame_of(monitor_ring), frame_of(sharing_ring), frame_of(store),
                                frame_of(ident_pt), frame_of(console)}));
    HOSPES_TRY(memory.clear(frame_of(store) << page_shift, page_size));
    HOSPES_TRY(memory.clear(frame_of(console) << page_shift, page_size));
    HOSPES_TRY(memory.write(frame_of(ident_pt) << page_shift, identity_table()));
    const std::pair<unsigned, std::uint64_t> params[] = {
        {HVM_PARAM_STORE_PFN, frame_of(store)},
        {HVM_PARAM_STORE_EVTCHN, plan.store_port},
        {HVM_PARAM_CONSOLE_PFN, frame_of(console)},
        {HVM_PARAM_CONSOLE_EVTCHN, plan.console_port},
        {HVM_PARAM_IDENT_PT, frame_of(ident_pt) << page_shift},
        {HVM_PARAM_PAGING_RING_PFN, frame_of(paging_ring)},
        {HVM_PARAM_MONITOR_RING_PFN, frame_of(monitor_ring)},
        {HVM_PARAM_SHARING_RING_PFN, frame_of(sharing_ring)},
        {HVM_PARAM_TIMER_MODE, HVMPTM_no_delay_for_missed_ticks},
    };
    for (const auto& [index, value] : params)
        HOSPES_TRY(control.set_hvm_param(plan.domain, index, value));
    return {};
}

} // namespace

Result<BuiltGuest> build_pvh(Control& control, const KernelImage& kernel, const GuestPlan& plan) {
    if (!kernel.supports_pvh())
        return error("lay out the guest", ENOEXEC, "the kernel has no PVH entry point (ELF note PHYS32_ENTRY)",
                     "set type=\"pv\", or use a kernel with CONFIG_PVH");
    const std::uint64_t low = std::min(plan.pages, pvh_hole_start >> page_shift);
    const std::pair<std::uint64_t, std::uint64_t> ram[] = {{0, low}, {pvh_hole_end >> page_shift, plan.pages - low}};
    const VnumaLayout vnuma = HOSPES_TRY(plan_vnuma(plan, ram));
    const AcpiMachine machine{plan.vcpus, vnuma.memory, vnuma.vcpu_nodes, vnuma.distances};
    const AcpiTables acpi = acpi_tables(machine, pvh_acpi_address);
    const PvhLayout l = HOSPES_TRY(plan_pvh(kernel, plan, acpi.bytes.size()));

    HOSPES_TRY(control.set_paging_pool(plan.domain, plan.paging_pool ? plan.paging_pool : paging_pool_for(plan)));
    HOSPES_TRY(apply_cpu_policy(control, plan.domain, true, plan.cpuid));
    HOSPES_TRY(control.set_memory_map(plan.domain, l.map));
    HOSPES_TRY(announce_vnuma(control, plan, vnuma));
    GuestMemory memory(control, plan.domain, true);
    HOSPES_TRY(populate_ram(control, memory, plan, l, vnuma));
    HOSPES_TRY(memory.load(kernel, 0));
    HOSPES_TRY(memory.write(l.ramdisk, plan.ramdisk));
    HOSPES_TRY(memory.write(l.start_info, pvh_start_info(plan, l, acpi.rsdp)));
    HOSPES_TRY(memory.populate(pvh_acpi_address >> page_shift, pages_for(acpi.bytes.size())));
    HOSPES_TRY(memory.write(pvh_acpi_address, acpi.bytes));
    HOSPES_TRY(place_special_pages(control, memory, plan));

    const PvhEntry entry{static_cast<std::uint32_t>(*kernel.notes().phys32_entry),
                         static_cast<std::uint32_t>(l.start_info)};
    const auto current = HOSPES_TRY(control.get_hvm_context(plan.domain));
    const auto start = HOSPES_TRY(pvh_start_state(current, plan.vcpus, entry));
    HOSPES_TRY(control.set_hvm_context(plan.domain, start));
    return BuiltGuest{frame_of(PvhSpecial::store), frame_of(PvhSpecial::console)};
}

} // namespace hospes::xc
