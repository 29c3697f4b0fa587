// SPDX-License-Identifier: MIT
#include "drivers/pci/pci.hpp"

#include "core/debug/printk.hpp"
#include "cpu/cr.hpp"
#include "drivers/acpi/acpi.hpp"
#include "lib/spinlock.hpp"
#include "mm/hv_pagetable.hpp"

namespace hv {

namespace {

SpinLock conf1_lock{LockRank::leaf};
volatile u8* windows[acpi_max_mcfg]; // of acpi.mcfg[], nullptr when not mapped

constexpr bool valid(u32 offset, u32 bytes) {
    return (bytes == 1 || bytes == 2 || bytes == 4) && offset % bytes == 0 && offset + bytes <= 4096;
}

volatile u8* mmcfg_address(PciAddress device, u32 offset) {
    for (u32 i = 0; i < acpi.mcfg_count; ++i) {
        const AcpiMcfg& window = acpi.mcfg[i];
        if (windows[i] && window.segment == device.segment && device.bus >= window.first_bus &&
            device.bus <= window.last_bus)
            return windows[i] + ((u64{device.bus} - window.first_bus) << 20 | u64{device.devfn} << 12 | offset);
    }
    return nullptr;
}

constexpr u32 conf1_address(PciAddress device, u32 offset) { return 1U << 31 | device.bdf() << 8 | (offset & 0xfc); }
constexpr u32 ones(u32 bytes) { return bytes == 4 ? ~0U : (1U << bytes * 8) - 1; }

} // namespace

u32 pci_conf1_read(u32 cf8, u32 port_offset, u32 bytes) {
    const auto port = static_cast<u16>(0xcfc + (port_offset & 3));
    const IrqGuard guard(conf1_lock);
    outl(0xcf8, cf8);
    return bytes == 1 ? inb(port) : bytes == 2 ? inw(port) : inl(port);
}

void pci_conf1_write(u32 cf8, u32 port_offset, u32 bytes, u32 value) {
    const auto port = static_cast<u16>(0xcfc + (port_offset & 3));
    const IrqGuard guard(conf1_lock);
    outl(0xcf8, cf8);
    if (bytes == 1)
        outb(port, static_cast<u8>(value));
    else if (bytes == 2)
        outw(port, static_cast<u16>(value));
    else
        outl(port, value);
}

u32 pci_read(PciAddress device, u32 offset, u32 bytes) {
    if (!valid(offset, bytes)) return ones(bytes > 4 ? 4 : bytes);
    if (device.segment == 0 && offset < 256) return pci_conf1_read(conf1_address(device, offset), offset, bytes);
    volatile u8* at = mmcfg_address(device, offset);
    if (!at) return ones(bytes);
    return bytes == 1 ? *at : bytes == 2 ? *reinterpret_cast<volatile u16*>(at) : *reinterpret_cast<volatile u32*>(at);
}

void pci_write(PciAddress device, u32 offset, u32 bytes, u32 value) {
    if (!valid(offset, bytes)) return;
    if (device.segment == 0 && offset < 256) {
        pci_conf1_write(conf1_address(device, offset), offset, bytes, value);
        return;
    }
    volatile u8* at = mmcfg_address(device, offset);
    if (!at) return;
    if (bytes == 1)
        *at = static_cast<u8>(value);
    else if (bytes == 2)
        *reinterpret_cast<volatile u16*>(at) = static_cast<u16>(value);
    else
        *reinterpret_cast<volatile u32*>(at) = value;
}

bool pci_present(PciAddress device) { return pci_read(device, 0, 2) != 0xffff; }

u32 pci_find_capability(PciAddress device, u8 id) {
    if (!(pci_read(device, 6, 2) & 0x10)) return 0;
    u32 at = pci_read(device, 0x34, 1) & 0xfc;
    for (unsigned n = 0; n < 48 && at >= 0x40; ++n) { // a list that loops ends here
        const u32 header = pci_read(device, at, 2);
        if ((header & 0xff) == id) return at;
        at = header >> 8 & 0xfc;
    }
    return 0;
}

void pci_init() {
    for (u32 i = 0; i < acpi.mcfg_count; ++i) {
        const AcpiMcfg& window = acpi.mcfg[i];
        // The table's address is that of bus 0, whichever bus the window begins with (PCI firmware spec 3.2 4.1.2).
        const u64 start = window.address + (u64{window.first_bus} << 20);
        windows[i] = static_cast<volatile u8*>(ioremap(start, (u64{window.last_bus} - window.first_bus + 1) << 20));
        if (!windows[i]) log_warning("PCI: no room to map the configuration window at {:x}", start);
    }
}

} // namespace hv
