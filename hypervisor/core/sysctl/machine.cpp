// SPDX-License-Identifier: MIT
// sysctl: what the machine has, and cpupool 0.
#include "core/domctl/control.hpp"
#include "core/mm/heap.hpp"
#include "drivers/acpi/acpi.hpp"
#include "drivers/pci/pci.hpp"
#include "lib/string.hpp"
#include "mm/init.hpp"
#include "mm/page_address.hpp"
#include "time/time.hpp"

namespace hv {

namespace {

void physinfo(xen_sysctl_physinfo& info) {
    info = {};
    info.nr_cpus = cpu_count_online();
    info.max_cpu_id = present_cpus().count() - 1;
    info.nr_nodes = acpi.node_count;
    info.max_node_id = acpi.node_count - 1;
    info.cpu_khz = cpu_khz();
    info.total_pages = mm_ram_pages();
    info.free_pages = heap_free_pages();
    info.outstanding_pages = heap_outstanding_claims();
    info.capabilities = XEN_SYSCTL_PHYSCAP_pv | XEN_SYSCTL_PHYSCAP_gnttab_v1 | XEN_SYSCTL_PHYSCAP_gnttab_v2;
    info.max_mfn = max_mfn - 1;
    arch_physinfo(info);
}

/// What the node spans, holes and all, as Xen counts it.
u64 node_memory(u32 node) {
    if (acpi.memory_count == 0) return mm_ram_pages() << page_shift;
    u64 first = ~u64{0}, end = 0;
    for (u32 i = 0; i < acpi.memory_count; ++i) {
        if (acpi.memory[i].node != node) continue;
        first = min_of<u64>(first, acpi.memory[i].start);
        end = max_of<u64>(end, acpi.memory[i].end);
    }
    return end > first ? end - first : 0;
}

Status numa_info(xen_sysctl_numainfo& op) {
    const GuestOut<xen_sysctl_meminfo_t> memory(op.meminfo);
    const GuestOut<u32> distance(op.distance);
    const u32 room = op.num_nodes, nodes = acpi.node_count;
    op.num_nodes = nodes;
    const u32 shown = room < nodes ? room : nodes;
    for (u32 i = 0; i < shown && !memory.null(); ++i)
        TRY(memory.offset(i).write({node_memory(i), heap_free_pages(0, 64, static_cast<int>(i)) << page_shift}));
    for (u32 i = 0; i < shown && !distance.null(); ++i) {
        u32 row[acpi_max_nodes];
        for (u32 j = 0; j < shown; ++j)
            row[j] = acpi.has_distances ? acpi.distance[i][j] : i == j ? 10 : 20;
        TRY(distance.offset(u64{i} * shown).write(row, shown));
    }
    return {};
}

/// Firmware does not tell us which node a device is next to.
Status pci_topology(xen_sysctl_pcitopoinfo& op) {
    const GuestIn<physdev_pci_device_t> devices(op.devs);
    const GuestOut<u32> nodes(op.nodes);
    if (devices.null() || nodes.null()) return Errno::inval;
    const u32 count = op.num_devs;
    for (op.num_devs = 0; op.num_devs < count && op.num_devs < 65536; ++op.num_devs) {
        physdev_pci_device_t d;
        TRY(devices.offset(op.num_devs).read(d));
        TRY(nodes.offset(op.num_devs)
                .write(pci_present({d.seg, d.bus, d.devfn}) ? XEN_INVALID_NODE_ID : XEN_INVALID_DEV));
    }
    return {};
}

} // namespace

Result<Copyback> sysctl_machine(xen_sysctl& op) {
    switch (op.cmd) {
    case XEN_SYSCTL_physinfo: physinfo(op.u.physinfo); return Copyback::yes;
    case XEN_SYSCTL_numainfo: TRY(numa_info(op.u.numainfo)); return Copyback::yes;
    case XEN_SYSCTL_pcitopoinfo: TRY(pci_topology(op.u.pcitopoinfo)); return Copyback::yes;
    default: return Errno::nosys;
    }
}

/// One pool, number 0, with every CPU and every domain in it.
Result<Copyback> cpupool_op(xen_sysctl_cpupool_op& op) {
    const bool any = op.cpupool_id == XEN_SYSCTL_CPUPOOL_PAR_ANY;
    switch (op.op) {
    case XEN_SYSCTL_CPUPOOL_OP_INFO:
        if (op.cpupool_id != 0) return Errno::no_ent;
        op.sched_id = sched_id_reported;
        op.n_dom = 0;
        for_each_domain([&op](Domain&) { ++op.n_dom; });
        TRY(mask_to_guest(op.cpumap, online_cpus));
        return Copyback::yes;
    case XEN_SYSCTL_CPUPOOL_OP_FREEINFO: TRY(mask_to_guest(op.cpumap, CpuMask{})); return Copyback::yes;
    case XEN_SYSCTL_CPUPOOL_OP_MOVEDOMAIN: {
        const DomainRef domain = TRY(DomainRef::find(Domid{static_cast<u16>(op.domid)}));
        if (op.cpupool_id != 0) return Errno::no_ent;
        return Copyback::no;
    }
    case XEN_SYSCTL_CPUPOOL_OP_CREATE:
        if (op.cpupool_id == 0) return Errno::exist;
        return Errno::opnotsupp;
    case XEN_SYSCTL_CPUPOOL_OP_DESTROY: return op.cpupool_id == 0 ? Errno::busy : Errno::no_ent;
    case XEN_SYSCTL_CPUPOOL_OP_ADDCPU:
    case XEN_SYSCTL_CPUPOOL_OP_RMCPU:
        if (op.cpupool_id != 0 && !any) return Errno::no_ent;
        if (op.cpu != XEN_SYSCTL_CPUPOOL_PAR_ANY && (op.cpu >= max_cpus || !online_cpus.test(op.cpu)))
            return Errno::inval;
        return op.op == XEN_SYSCTL_CPUPOOL_OP_ADDCPU ? Errno::no_dev : Errno::opnotsupp;
    default: return Errno::nosys;
    }
}

} // namespace hv
