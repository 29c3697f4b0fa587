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

template <typename T> Result<T> read_arg(u64 address) {
    T value;
    if (Status status = GuestIn<T>(address).read(value); !status) return status.error();
    return value;
}

PirqTable& own_pirqs() { return *current().domain->arch.pirqs; }

Status do_eoi(u64 arg) {
    Domain& domain = *current().domain;
    const auto eoi = TRY(read_arg<physdev_eoi_t>(arg));
    if (eoi.irq >= own_pirqs().count) return Errno::inval;
    if (domain.arch.auto_unmask)
        if (const Port port = pirq_port(domain, eoi.irq); port != Port{}) evtchn_unmask(domain, port);
    pirq_guest_eoi(domain, eoi.irq);
    return {};
}

Status do_eoi_page(u64 arg, bool auto_unmask) {
    const auto page = TRY(read_arg<physdev_pirq_eoi_gmfn_t>(arg));
    TRY(pirq_set_eoi_page(*current().domain, Mfn{page.gmfn}));
    if (auto_unmask) current().domain->arch.auto_unmask = true;
    return {};
}

Status do_status_query(u64 arg) {
    auto query = TRY(read_arg<physdev_irq_status_query_t>(arg));
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

Status do_map_pirq(u64 arg) {
    auto map = TRY(read_arg<physdev_map_pirq_t>(arg));
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

Status do_unmap_pirq(u64 arg) {
    const auto unmap = TRY(read_arg<physdev_unmap_pirq>(arg));
    const DomainRef domain = TRY(DomainRef::find_any(Domid{unmap.domid}));
    TRY(xsm_check(XsmOp::map_pirq, *domain));
    const Guard guard(domain->lock);
    if (!domain->arch.pirqs || unmap.pirq < 0) return Errno::inval;
    return pirq_unmap(*domain, static_cast<u32>(unmap.pirq));
}

Status do_get_free_pirq(u64 arg) {
    auto request = TRY(read_arg<physdev_get_free_pirq_t>(arg));
    if (request.type != MAP_PIRQ_TYPE_GSI && request.type != MAP_PIRQ_TYPE_MSI) return Errno::inval;
    request.pirq = TRY(pirq_get_free(*current().domain, request.type == MAP_PIRQ_TYPE_MSI));
    return GuestOut<physdev_get_free_pirq_t>(arg).write(request);
}

Status do_setup_gsi(u64 arg) {
    const auto setup = TRY(read_arg<physdev_setup_gsi_t>(arg));
    if (setup.gsi < 0) return Errno::inval;
    return irq_set_trigger(static_cast<u32>(setup.gsi), setup.triggering != 0, setup.polarity != 0);
}

Status do_apic_read(u64 arg) {
    auto apic = TRY(read_arg<physdev_apic_t>(arg));
    if (!ioapic_read_raw(apic.apic_physbase, apic.reg, apic.value)) return Errno::inval;
    return GuestOut<physdev_apic_t>(arg).write(apic);
}

/// Vectors are the hypervisor's business: the guest's "vector" is its IRQ number.
Status do_alloc_vector(u64 arg) {
    auto irq = TRY(read_arg<physdev_irq_t>(arg));
    if (irq.irq >= irq_gsi_count()) return Errno::inval;
    irq.vector = irq.irq;
    return GuestOut<physdev_irq_t>(arg).write(irq);
}

Status do_mmcfg(u64 arg) {
    const auto window = TRY(read_arg<physdev_pci_mmcfg_reserved_t>(arg));
    for (u32 i = 0; i < acpi.mcfg_count; ++i)
        if (acpi.mcfg[i].address == window.address && acpi.mcfg[i].segment == window.segment) return {};
    return Errno::no_dev;
}

Status do_pci_device(u64 cmd, u64 arg) {
    const auto device = TRY(read_arg<physdev_pci_device_t>(arg)); // the head of physdev_pci_device_add, too
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
    const auto device = TRY(read_arg<physdev_manage_pci_t>(arg));
    if (cmd == PHYSDEVOP_restore_msi) pirq_restore_msi({0, device.bus, device.devfn});
    return {};
}

Status do_set_iopl(u64 arg) {
    const auto set = TRY(read_arg<physdev_set_iopl_t>(arg));
    if (set.iopl > 3) return Errno::inval;
    current().arch.pv.iopl = set.iopl;
    return {};
}

Status do_set_iobitmap(u64 arg) {
    const auto set = TRY(read_arg<physdev_set_iobitmap_t>(arg));
    if (set.nr_ports > 65536) return Errno::inval;
    current().arch.pv.iobmp = GuestIn<u8>(set.bitmap).address();
    current().arch.pv.iobmp_limit = set.nr_ports;
    return {};
}

Status do_own(u64 cmd, u64 arg) {
    switch (cmd) {
    case PHYSDEVOP_eoi: return do_eoi(arg);
    case PHYSDEVOP_pirq_eoi_gmfn_v1: return do_eoi_page(arg, true);
    case PHYSDEVOP_pirq_eoi_gmfn_v2: return do_eoi_page(arg, false);
    case PHYSDEVOP_irq_status_query: return do_status_query(arg);
    case PHYSDEVOP_map_pirq: return do_map_pirq(arg);
    case PHYSDEVOP_unmap_pirq: return do_unmap_pirq(arg);
    case PHYSDEVOP_get_free_pirq: return do_get_free_pirq(arg);
    case PHYSDEVOP_set_iopl: return do_set_iopl(arg);
    case PHYSDEVOP_set_iobitmap: return do_set_iobitmap(arg);
    default: return Errno::nosys;
    }
}

/// Only for the domain that owns the machine's devices.
Status do_machine(u64 cmd, u64 arg) {
    TRY(xsm_check(XsmOp::physdev));
    switch (cmd) {
    case PHYSDEVOP_setup_gsi: return do_setup_gsi(arg);
    case PHYSDEVOP_apic_read: return do_apic_read(arg);
    case PHYSDEVOP_apic_write: return Errno::opnotsupp; // routing is by setup_gsi and map_pirq
    case PHYSDEVOP_alloc_irq_vector: return do_alloc_vector(arg);
    case PHYSDEVOP_pci_mmcfg_reserved: return do_mmcfg(arg);
    case PHYSDEVOP_manage_pci_add:
    case PHYSDEVOP_manage_pci_add_ext:
    case PHYSDEVOP_manage_pci_remove:
    case PHYSDEVOP_restore_msi: return do_old_pci(cmd, arg);
    case PHYSDEVOP_dbgp_op: // no EHCI debug port of ours to protect
        return {};
    default: return do_pci_device(cmd, arg);
    }
}

constexpr bool is_machine_op(u64 cmd) {
    switch (cmd) {
    case PHYSDEVOP_setup_gsi:
    case PHYSDEVOP_apic_read:
    case PHYSDEVOP_apic_write:
    case PHYSDEVOP_alloc_irq_vector:
    case PHYSDEVOP_pci_mmcfg_reserved:
    case PHYSDEVOP_manage_pci_add:
    case PHYSDEVOP_manage_pci_add_ext:
    case PHYSDEVOP_manage_pci_remove:
    case PHYSDEVOP_restore_msi:
    case PHYSDEVOP_restore_msi_ext:
    case PHYSDEVOP_pci_device_add:
    case PHYSDEVOP_pci_device_remove:
    case PHYSDEVOP_prepare_msix:
    case PHYSDEVOP_release_msix:
    case PHYSDEVOP_dbgp_op: return true;
    default: return false;
    }
}

} // namespace

Result<s64> hypercall::physdev_op(HypercallArgs& args) {
    const u64 cmd = static_cast<u32>(args.a[0]);
    if (!current().domain->arch.pirqs) return Errno::nosys;
    Status status = is_machine_op(cmd) ? do_machine(cmd, args.a[1]) : do_own(cmd, args.a[1]);
    if (!status) return status.error();
    return s64{0};
}

} // namespace hv
