// SPDX-License-Identifier: MIT
// PCI configuration space: mechanism #1 (ports 0xcf8/0xcfc) and, where the MCFG table names it, memory-mapped.
#pragma once

#include "lib/result.hpp"
#include "lib/types.hpp"

namespace hv {

/// Segment, bus, device and function (sbdf).
struct PciAddress {
    u16 segment = 0;
    u8 bus = 0;
    u8 devfn = 0;
    friend constexpr bool operator==(const PciAddress&, const PciAddress&) = default;
    [[nodiscard]] constexpr u32 bdf() const { return u32{bus} << 8 | devfn; }
};

void pci_init(); ///< maps MMCFG windows; after mm_init()
/// Reads of what does not exist give all ones, writes to it are dropped.
u32 pci_read(PciAddress device, u32 offset, u32 bytes);
void pci_write(PciAddress device, u32 offset, u32 bytes, u32 value);
/// Offset of a capability in the standard list, 0 when absent.
u32 pci_find_capability(PciAddress device, u8 id);
bool pci_present(PciAddress device);
/// Is this frame part of an MMCFG window (the hypervisor keeps some of it read-only)?
/// The data port of mechanism #1 for a guest that emulates it: value of 0xcf8 is the guest's own.
u32 pci_conf1_read(u32 cf8, u32 port_offset, u32 bytes);
void pci_conf1_write(u32 cf8, u32 port_offset, u32 bytes, u32 value);

} // namespace hv
