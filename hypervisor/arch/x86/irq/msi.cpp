// SPDX-License-Identifier: MIT
// Message-signalled interrupts (PCI 3.0 6.8). dom0 owns the devices and sets the enable bits; the messages are ours.
#include "core/mm/heap.hpp"
#include "irq/desc.hpp"
#include "mm/hv_pagetable.hpp"

namespace hv {

namespace {

constexpr u8 cap_msi = 5, cap_msix = 0x11;
constexpr u32 control_wide = 1 << 7, control_maskable = 1 << 8;

u32 mask_offset(const MsiSource& s) { return s.capability + (s.wide ? 16 : 12); }

/// Machine address of a memory BAR (PCI 3.0 6.2.5.1); 0 for others.
u64 bar_address(PciAddress device, u32 bar) {
    const u32 low = pci_read(device, 0x10 + bar * 4, 4);
    if (bar > 5 || low & 1) return 0;
    const bool is64 = (low & 6) == 4 && bar < 5;
    return (is64 ? u64{pci_read(device, 0x14 + bar * 4, 4)} << 32 : 0) | (low & ~0xfU);
}

} // namespace

Result<MsiSource*> msi_find(PciAddress device) {
    const u32 capability = pci_find_capability(device, cap_msi);
    if (!capability) return Errno::no_dev;
    auto* source = make<MsiSource>();
    if (!source) return Errno::no_mem;
    const u32 control = pci_read(device, capability + 2, 2);
    source->device = device;
    source->capability = capability;
    source->wide = control & control_wide;
    source->maskable = control & control_maskable;
    return source;
}

Result<MsiSource*> msix_find(PciAddress device, u16 entry, u64 table_bar) {
    const u32 capability = pci_find_capability(device, cap_msix);
    if (!capability) return Errno::no_dev;
    const u32 control = pci_read(device, capability + 2, 2);
    const u32 table = pci_read(device, capability + 4, 4);
    if (entry > (control & 0x7ff)) return Errno::inval;
    const u64 bar = table_bar ? table_bar : bar_address(device, table & 7);
    const u64 address = bar + (table & ~7U) + u64{entry} * 16;
    // Never RAM: the caller's idea of the BAR must not turn our writes against somebody's memory.
    if (bar == 0 || address < bar || address >> 52 || mfn_is_ram(to_mfn(Maddr{address}))) return Errno::inval;
    auto* source = make<MsiSource>();
    if (!source) return Errno::no_mem;
    source->device = device;
    source->capability = capability;
    source->msix = source->maskable = true;
    source->entry = entry;
    source->table = static_cast<volatile u32*>(ioremap(address, 16));
    if (!source->table) {
        destroy(source);
        return Errno::no_mem;
    }
    source->table[3] = source->table[3] | 1;
    return source;
}

void msi_destroy(MsiSource* source) {
    if (!source) return;
    if (source->table) iounmap(const_cast<u32*>(source->table), 16);
    destroy(source);
}

void msi_mask(MsiSource& s, bool masked) {
    if (!s.maskable || s.masked == masked) return;
    s.masked = masked;
    if (s.msix)
        s.table[3] = (s.table[3] & ~1U) | (masked ? 1 : 0);
    else
        pci_write(s.device, mask_offset(s), 4, (pci_read(s.device, mask_offset(s), 4) & ~1U) | (masked ? 1 : 0));
}

/// Fixed delivery, edge, physical destination (SDM vol.3 11.11).
void msi_program(MsiSource& s, u8 vector, u32 apic_id) {
    const u32 address = 0xfee00000 | (apic_id & 0xff) << 12;
    const bool only_cpu = s.vector == vector;
    s.vector = vector;
    if (s.msix) {
        s.table[0] = address;
        if (only_cpu) return;
        s.table[1] = 0;
        s.table[2] = vector;
        return;
    }
    pci_write(s.device, s.capability + 4, 4, address);
    if (only_cpu) return;
    if (s.wide) pci_write(s.device, s.capability + 8, 4, 0);
    pci_write(s.device, s.capability + (s.wide ? 12 : 8), 2, vector);
}

} // namespace hv
