// SPDX-License-Identifier: MIT
// physdev_op (xen/physdev.h): the hardware domain's interrupts and PCI devices, and I/O privilege of PV guests.
#include "core/debug/printk.hpp"
#include "core/evtchn/evtchn.hpp"
#include "core/hypercall/guest_ptr.hpp"
#include "core/hypercall/table.hpp"
#include "core/xsm/check.hpp"
#include "drivers/acpi/acpi.hpp"
#include "irq/pirq.hpp"

namespace hv {

namespace {

PirqTable& own_pirqs() { return *current().domain->arch.pirqs; }

Status do_eoi(u64, u64 arg) {
    Domain& domain = *current().domain;
    const auto eoi = TRY(read_guest<physdev_eoi_t>(arg));
    if (eoi.irq >= own_pirqs().count) return Errno::inval;
    if (domain.arch.auto_unmask)
        if (const Port port = pirq_port(domain, eoi.irq); port != Port{}) evtchn_unmask(domain, port);
    pirq_guest_eoi(domain, eoi.irq);
    return {};
}

Status do_eoi_page(u64 cmd, u64 arg) {
    const auto page = TRY(read_guest<physdev_pirq_eoi_gmfn_t>(arg));
    TRY(pirq_set_eoi_page(*current().domain, Mfn{page.gmfn}));
    if (cmd == PHYSDEVOP_pirq_eoi_gmfn_v1) current().domain->arch.auto_unmask = true;
    return {};
}

Status do_status_query(u64, u64 arg) {
    auto query = TRY(read_guest<physdev_irq_status_query_t>(arg));
    Domain& domain = *current().domain;
    if (query.irq >= own_pirqs().count) return Errno::inval;
    query.flags = (pirq_needs_eoi(domain, query.irq) ? XENIRQSTAT_needs_eoi : 0) |
                  (pirq_shared(domain, query.irq) ? XENIRQSTAT_shared : 0);
    return GuestOut<physdev_irq_status_query_t>(arg).write(query);
}

/// The machine IRQ that the request names; an MSI gets a new one.
Result<u32> find_irq(const physdev_map_pirq_t& map) {
    switch (map.type) {
    case MAP_PIRQ_TYPE_GSI:
        if (map.index < 0 || static_cast<u32>(map.index) >= irq_gsi_count()) return Errno::inval;
        return static_cast<u32>(map.index);
    case MAP_PIRQ_TYPE_MSI:
    case MAP_PIRQ_TYPE_MSI_SEG: {
        const auto bus = static_cast<u32>(map.bus);
        const PciAddress device{static_cast<u16>(map.type == MAP_PIRQ_TYPE_MSI_SEG ? bus >> 16 : 0),
                                static_cast<u8>(bus), static_cast<u8>(map.devfn)};
        if ((map.devfn & ~0xff) != 0 || (map.entry_nr & ~0xffff) != 0 || !pci_present(device)) return Errno::no_dev;
        MsiSource* source =
            TRY(map.table_base ? msix_find(device, static_cast<u16>(map.entry_nr), map.table_base) : msi_find(device));
        Result<u32> irq = irq_allocate_msi(source);
        if (!irq) msi_destroy(source);
        return irq;
    }
    case MAP_PIRQ_TYPE_MULTI_MSI: // needs interrupt remapping; guests then ask for a single one
        return Errno::opnotsupp;
    default: return Errno::inval;
    }
}

Status do_map_pirq(u64, u64 arg) {
    auto map = TRY(read_guest<physdev_map_pirq_t>(arg));
    const DomainRef domain = TRY(DomainRef::find_any(Domid{map.domid}));
    TRY(xsm_check(XsmOp::map_pirq, *domain));
    const Guard guard(domain->lock); // against the teardown of its table
    if (!domain->arch.pirqs) return Errno::opnotsupp;
    const bool gsi = map.type == MAP_PIRQ_TYPE_GSI;
    if (gsi && !current().domain->is_hardware && !current().domain->irqs_allowed.contains(static_cast<u32>(map.index)))
        return Errno::perm;
    const u32 irq = TRY(find_irq(map));
    u32 pirq = static_cast<u32>(map.pirq);
    Status status;
    if (map.pirq < 0) {
        pirq = pirq_of_irq(*domain, irq);
        if (pirq == ~0U) {
            Result<u32> free = pirq_get_free(*domain, !gsi);
            if (free)
                pirq = free.value();
            else
                status = free.error();
        }
    }
    if (status) status = pirq_map(*domain, pirq, irq);
    if (!status) {
        if (!gsi) irq_free_msi(irq);
        return status;
    }
    map.pirq = static_cast<int>(pirq);
    return GuestOut<physdev_map_pirq_t>(arg).write(map);
}

Status do_unmap_pirq(u64, u64 arg) {
    const auto unmap = TRY(read_guest<physdev_unmap_pirq>(arg));
    const DomainRef domain = TRY(DomainRef::find_any(Domid{unmap.domid}));
    TRY(xsm_check(XsmOp::map_pirq, *domain));
    const Guard guard(domain->lock);
    if (!domain->arch.pirqs || unmap.pirq < 0) return Errno::inval;
    return pirq_unmap(*domain, static_cast<u32>(unmap.pirq));
}

Status do_get_free_pirq(u64, u64 arg) {
    auto request = TRY(read_guest<physdev_get_free_pirq_t>(arg));
    if (request.type != MAP_PIRQ_TYPE_GSI && request.type != MAP_PIRQ_TYPE_MSI) return Errno::inval;
    request.pirq = TRY(pirq_get_free(*current().domain, request.type == MAP_PIRQ_TYPE_MSI));
    return GuestOut<physdev_get_free_pirq_t>(arg).write(request);
}

Status do_setup_gsi(u64, u64 arg) {
    const auto setup = TRY(read_guest<physdev_setup_gsi_t>(arg));
    if (setup.gsi < 0) return Errno::inval;
    return irq_set_trigger(static_cast<u32>(setup.gsi), setup.triggering != 0, setup.polarity != 0);
}

Status do_apic_read(u64, u64 arg) {
    auto apic = TRY(read_guest<physdev_apic_t>(arg));
    if (!ioapic_read_raw(apic.apic_physbase, apic.reg, apic.value)) return Errno::inval;
    return GuestOut<physdev_apic_t>(arg).write(apic);
}

/// Vectors are the hypervisor's business: the guest's "vector" is its IRQ number.
Status do_alloc_vector(u64, u64 arg) {
    auto irq = TRY(read_guest<physdev_irq_t>(arg));
    if (irq.irq >= irq_gsi_count()) return Errno::inval;
    irq.vector = irq.irq;
    return GuestOut<physdev_irq_t>(arg).write(irq);
}

Status do_mmcfg(u64, u64 arg) {
    const auto window = TRY(read_guest<physdev_pci_mmcfg_reserved_t>(arg));
    for (u32 i = 0; i < acpi.mcfg_count; ++i)
        if (acpi.mcfg[i].address == window.address && acpi.mcfg[i].segment == window.segment) return {};
    return Errno::no_dev;
}

Status do_pci_device(u64 cmd, u64 arg) {
    const auto device = TRY(read_guest<physdev_pci_device_t>(arg)); // the head of physdev_pci_device_add, too
    const PciAddress address{device.seg, device.bus, device.devfn};
    switch (cmd) {
    case PHYSDEVOP_pci_device_add:
        log_debug("PCI device {}:{}:{}.{}", device.seg, device.bus, device.devfn >> 3, device.devfn & 7);
        return {};
    case PHYSDEVOP_prepare_msix:
    case PHYSDEVOP_release_msix: return pci_find_capability(address, 0x11) ? Status{} : Status{Errno::no_dev};
    case PHYSDEVOP_restore_msi_ext: pirq_restore_msi(address); return {};
    default: return {};
    }
}

Status do_old_pci(u64 cmd, u64 arg) {
    const auto device = TRY(read_guest<physdev_manage_pci_t>(arg));
    if (cmd == PHYSDEVOP_restore_msi) pirq_restore_msi({0, device.bus, device.devfn});
    return {};
}

Status do_set_iopl(u64, u64 arg) {
    const auto set = TRY(read_guest<physdev_set_iopl_t>(arg));
    if (set.iopl > 3) return Errno::inval;
    current().arch.pv.iopl = set.iopl;
    return {};
}

Status do_set_iobitmap(u64, u64 arg) {
    const auto set = TRY(read_guest<physdev_set_iobitmap_t>(arg));
    if (set.nr_ports > 65536) return Errno::inval;
    current().arch.pv.iobmp = GuestIn<u8>(set.bitmap).address();
    current().arch.pv.iobmp_limit = set.nr_ports;
    return {};
}

struct Op {
    u32 cmd;
    bool machine; ///< only for the domain that owns the machine's devices
    Status (*run)(u64 cmd, u64 arg);
};
constexpr Op ops[] = {
    {PHYSDEVOP_eoi, false, do_eoi},
    {PHYSDEVOP_pirq_eoi_gmfn_v1, false, do_eoi_page},
    {PHYSDEVOP_pirq_eoi_gmfn_v2, false, do_eoi_page},
    {PHYSDEVOP_irq_status_query, false, do_status_query},
    {PHYSDEVOP_map_pirq, false, do_map_pirq},
    {PHYSDEVOP_unmap_pirq, false, do_unmap_pirq},
    {PHYSDEVOP_get_free_pirq, false, do_get_free_pirq},
    {PHYSDEVOP_set_iopl, false, do_set_iopl},
    {PHYSDEVOP_set_iobitmap, false, do_set_iobitmap},
    {PHYSDEVOP_setup_gsi, true, do_setup_gsi},
    {PHYSDEVOP_apic_read, true, do_apic_read},
    {PHYSDEVOP_apic_write, true,
     [](u64, u64) -> Status { return Errno::opnotsupp; }}, // routing is by setup_gsi and map_pirq
    {PHYSDEVOP_alloc_irq_vector, true, do_alloc_vector},
    {PHYSDEVOP_pci_mmcfg_reserved, true, do_mmcfg},
    {PHYSDEVOP_manage_pci_add, true, do_old_pci},
    {PHYSDEVOP_manage_pci_add_ext, true, do_old_pci},
    {PHYSDEVOP_manage_pci_remove, true, do_old_pci},
    {PHYSDEVOP_restore_msi, true, do_old_pci},
    {PHYSDEVOP_pci_device_add, true, do_pci_device},
    {PHYSDEVOP_pci_device_remove, true, do_pci_device},
    {PHYSDEVOP_prepare_msix, true, do_pci_device},
    {PHYSDEVOP_release_msix, true, do_pci_device},
    {PHYSDEVOP_restore_msi_ext, true, do_pci_device},
    {PHYSDEVOP_dbgp_op, true, [](u64, u64) -> Status { return {}; }}, // no EHCI debug port of ours to protect
};

} // namespace

Result<s64> hypercall::physdev_op(HypercallArgs& args) {
    const u32 cmd = static_cast<u32>(args.a[0]);
    if (!current().domain->arch.pirqs) return Errno::nosys;
    for (const Op& op : ops) {
        if (op.cmd != cmd) continue;
        if (op.machine) TRY(xsm_check(XsmOp::physdev));
        TRY(op.run(cmd, args.a[1]));
        return 0;
    }
    return Errno::nosys;
}

} // namespace hv
