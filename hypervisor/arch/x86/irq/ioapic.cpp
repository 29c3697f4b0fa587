// SPDX-License-Identifier: MIT
// IO-APICs (82093AA datasheet). Redirection entries are kept in memory: a register read costs two slow accesses.
#include "core/debug/printk.hpp"
#include "drivers/acpi/acpi.hpp"
#include "irq/desc.hpp"
#include "mm/hv_pagetable.hpp"

namespace hv {

namespace {

constexpr u32 max_pins = 240;
constexpr u32 rte_low_active = 1 << 13, rte_level = 1 << 15, rte_masked = 1 << 16;

struct IoApic {
    volatile u32* registers = nullptr;
    u32 gsi_base = 0;
    u32 pins = 0;
    u32 low[max_pins] = {};

    u32 read(u32 reg) const {
        registers[0] = reg;
        return registers[4];
    }
    void write(u32 reg, u32 value) const {
        registers[0] = reg;
        registers[4] = value;
    }
    void write_low(u32 pin, u32 value) {
        low[pin] = value;
        write(0x10 + pin * 2, value);
    }
};

constinit IoApic ioapics[acpi_max_ioapics];
SpinLock ioapic_lock{LockRank::leaf};

IoApic* find(u32 gsi) {
    for (IoApic& io : ioapics)
        if (gsi >= io.gsi_base && gsi - io.gsi_base < io.pins) return &io;
    return nullptr;
}

void setup(IoApic& io, const AcpiIoApic& from) {
    auto* registers = static_cast<volatile u32*>(ioremap(from.address, 0x20));
    if (!registers) return;
    io.registers = registers;
    const u32 version = io.read(1);
    if (version == ~0U) {
        log_warning("IO-APIC at {:x} does not answer", from.address);
        return;
    }
    io.gsi_base = from.gsi_base;
    io.pins = (version >> 16 & 0xff) + 1;
    if (io.pins > max_pins) io.pins = max_pins;
    for (u32 pin = 0; pin < io.pins; ++pin)
        io.write_low(pin, rte_masked);
    log_info("IO-APIC {}: GSI {} to {}", from.id, io.gsi_base, io.gsi_base + io.pins - 1);
}

} // namespace

u32 ioapic_init() {
    u32 gsis = 0;
    for (u32 i = 0; i < acpi.ioapic_count; ++i) {
        if (acpi.ioapics[i].gsi_base > 4096) // nonsense would make the descriptor table huge
            continue;
        setup(ioapics[i], acpi.ioapics[i]);
        const u32 end = ioapics[i].gsi_base + ioapics[i].pins;
        gsis = end > gsis ? end : gsis;
    }
    return gsis > 16 ? gsis : 16;
}

bool ioapic_has(u32 gsi) { return find(gsi) != nullptr; }

void ioapic_route(u32 gsi, u8 vector, u32 apic_id, bool level, bool active_low) {
    IoApic* io = find(gsi);
    if (!io) return;
    const IrqGuard guard(ioapic_lock);
    const u32 pin = gsi - io->gsi_base;
    const u32 low = vector | (level ? rte_level : 0) | (active_low ? rte_low_active : 0);
    const bool only_cpu = (io->low[pin] & ~rte_masked) == low; // one write; masking would lose an edge
    if (!only_cpu) io->write_low(pin, rte_masked);
    io->write(0x11 + pin * 2, apic_id << 24);
    if (!only_cpu) io->write_low(pin, low | rte_masked);
}

void ioapic_mask(u32 gsi, bool masked) {
    IoApic* io = find(gsi);
    if (!io) return;
    const IrqGuard guard(ioapic_lock);
    const u32 pin = gsi - io->gsi_base;
    const u32 low = masked ? io->low[pin] | rte_masked : io->low[pin] & ~rte_masked;
    if (low != io->low[pin]) io->write_low(pin, low);
}

void ioapic_mask_all() {
    for (IoApic& io : ioapics)
        for (u32 pin = 0; pin < io.pins; ++pin)
            io.write(0x10 + pin * 2, rte_masked);
}

bool ioapic_read_raw(u64 address, u32 reg, u32& value) {
    for (u32 i = 0; i < acpi.ioapic_count; ++i)
        if (acpi.ioapics[i].address == address && ioapics[i].pins != 0 && reg < 0x10 + ioapics[i].pins * 2) {
            const IrqGuard guard(ioapic_lock);
            value = ioapics[i].read(reg);
            return true;
        }
    return false;
}

} // namespace hv
