// SPDX-License-Identifier: MIT
// Descriptors of machine IRQs and the two kinds of interrupt source behind them. Private to arch/x86/irq.
#pragma once

#include "drivers/pci/pci.hpp"
#include "irq/irq.hpp"

namespace hv {

/// One MSI or one MSI-X table entry.
struct MsiSource {
    PciAddress device;
    u32 capability = 0; ///< config offset
    bool msix = false;
    bool wide = false; ///< MSI: 64-bit address
    bool maskable = false;
    bool masked = true;
    u8 vector = 0;                 ///< as last written
    u16 entry = 0;                 ///< MSI-X: table index
    volatile u32* table = nullptr; ///< MSI-X: the mapped entry: address low, high, data, control
};

enum class IrqKind : u8 { unused, ioapic, msi };

struct IrqDesc {
    SpinLock lock{LockRank::irq_desc};
    IrqKind kind = IrqKind::unused;
    bool level = false, active_low = false;
    bool started = false;      ///< has a vector and is routed
    bool awaiting_eoi = false; ///< level: masked until the guest's EOI
    u8 vector = 0, old_vector = 0;
    CpuId cpu = 0, old_cpu = 0; ///< old: the place before the last move, still listened to
    CpuId move_to = 0;          ///< where a level interrupt goes at its next EOI
    u32 running = 0;            ///< handlers between the two lock holds of irq_dispatch
    IrqAction action = nullptr;
    void* data = nullptr;
    Domain* guest = nullptr; ///< owner of the binding (kept alive by it), with its port
    u32 pirq = 0;
    Port port{};
    MsiSource* msi = nullptr;
};

IrqDesc& irq_desc(u32 irq);                      ///< irq < irq_count()
Result<u32> irq_allocate_msi(MsiSource* source); ///< takes the source over on success
void irq_free_msi(u32 irq);                      ///< not started
/// With the descriptor's lock held:
Status irq_start(u32 irq, CpuId cpu); ///< vector, route, unmask
void irq_stop(u32 irq);
void irq_move(u32 irq, CpuId cpu); ///< at once, or for level interrupts at the next EOI
void irq_guest_eoi(u32 irq);
/// Waits until no handler runs; lock not held.
void irq_wait_idle(IrqDesc& desc);
/// PHYSDEVOP_setup_gsi. -EBUSY when in use with another setting.
Status irq_set_trigger(u32 gsi, bool level, bool active_low);

// ioapic.cpp
u32 ioapic_init(); ///< masks every pin; number of GSIs
bool ioapic_has(u32 gsi);
void ioapic_route(u32 gsi, u8 vector, u32 apic_id, bool level,
                  bool active_low); ///< masked, unless only the CPU changes
void ioapic_mask(u32 gsi, bool masked);
void ioapic_mask_all();
/// Raw registers for PHYSDEVOP_apic_read; false: no IO-APIC there.
bool ioapic_read_raw(u64 address, u32 reg, u32& value);

// msi.cpp
Result<MsiSource*> msi_find(PciAddress device);
Result<MsiSource*> msix_find(PciAddress device, u16 entry, u64 table_bar);
void msi_destroy(MsiSource* source); ///< masked and forgotten
void msi_program(MsiSource& source, u8 vector, u32 apic_id);
void msi_mask(MsiSource& source, bool masked);

} // namespace hv
