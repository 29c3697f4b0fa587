// SPDX-License-Identifier: MIT
// Descriptors, vectors and dispatch. A vector belongs to one IRQ on one CPU. After a move the old place stays valid
// until the next move, so an interrupt on its way is not lost and nobody has to wait for it.
#include "core/debug/keyhandler.hpp"
#include "core/debug/printk.hpp"
#include "core/evtchn/evtchn.hpp"
#include "core/mm/heap.hpp"
#include "cpu/cr.hpp"
#include "drivers/acpi/acpi.hpp"
#include "irq/desc.hpp"
#include "irq/lapic.hpp"
#include "irq/vector_table.hpp"
#include "lib/percpu.hpp"
#include "mm/tlb_ipi.hpp"
#include "time/time.hpp"

namespace hv {

void smp_call_interrupt();

namespace {

constexpr u32 msi_irqs = 512;
IrqDesc* descs;
u32 gsi_count;
u32 irqs_total;
constinit PerCpu<VectorTable> vectors;
SpinLock vector_lock{LockRank::leaf};

/// The 8259s: initialised to vectors that nobody uses, everything masked (8259A datasheet, ICW1..4).
void mask_8259() {
    if (!acpi.has_8259) return;
    for (u16 port : {u16{0x20}, u16{0xa0}}) {
        outb(port, 0x11);
        outb(static_cast<u16>(port + 1), port == 0x20 ? 0x20 : 0x28);
        outb(static_cast<u16>(port + 1), port == 0x20 ? 4 : 2);
        outb(static_cast<u16>(port + 1), 1);
        outb(static_cast<u16>(port + 1), 0xff);
    }
}

/// Without interrupt remapping a device can name only 8-bit APIC ids.
CpuId reachable(CpuId cpu) { return cpu_apic_ids[cpu] < 0xff ? cpu : 0; }

void set_masked(u32 irq, IrqDesc& desc, bool masked) {
    if (desc.kind == IrqKind::ioapic)
        ioapic_mask(irq, masked);
    else if (desc.kind == IrqKind::msi)
        msi_mask(*desc.msi, masked);
}

void route(u32 irq, IrqDesc& desc) {
    if (desc.kind == IrqKind::ioapic)
        ioapic_route(irq, desc.vector, cpu_apic_ids[desc.cpu], desc.level, desc.active_low);
    else if (desc.kind == IrqKind::msi)
        msi_program(*desc.msi, desc.vector, cpu_apic_ids[desc.cpu]);
}

void release_old(IrqDesc& desc) {
    if (desc.old_vector) vectors.on(desc.old_cpu).release(desc.old_vector);
    desc.old_vector = 0;
}

/// Finds a place on `cpu`. An MSI without a mask bit can be moved only by one write, so only the CPU may change.
bool move_vector(u32 irq, IrqDesc& desc, CpuId cpu) {
    const IrqGuard guard(vector_lock);
    VectorTable& table = vectors.on(cpu);
    u8 vector = desc.vector;
    if (desc.old_vector && desc.old_cpu == cpu && desc.old_vector == vector) { // back to where it was
    } else if (table.is_free(vector)) {
        release_old(desc);
        table.claim(vector, irq);
    } else {
        if (desc.msi && !desc.msi->maskable) return false;
        release_old(desc);
        vector = table.allocate(irq);
        if (vector == 0) return false;
    }
    desc.old_cpu = desc.cpu;
    desc.old_vector = desc.vector;
    desc.cpu = cpu;
    desc.vector = vector;
    return true;
}

void move_now(u32 irq, IrqDesc& desc, CpuId cpu) {
    if (move_vector(irq, desc, cpu)) route(irq, desc);
}

void deliver_to_guest(IrqDesc& desc) {
    Domain& guest = *desc.guest;
    const Port port = desc.port;
    ++desc.running;
    desc.lock.unlock();
    static_cast<void>(evtchn_send_pirq(guest, port));
    desc.lock.lock();
    --desc.running;
}

void irq_dispatch(u8 vector) {
    const u32 irq = vectors.get().irq_of(vector);
    if (irq == VectorTable::none) {
        lapic_eoi();
        log_warning("CPU{}: interrupt on unassigned vector {:x}", cpu_id(), vector);
        return;
    }
    IrqDesc& desc = descs[irq];
    desc.lock.lock();
    // The line stays asserted until its device is served: masked first, so that the EOI does not bring it back.
    if (desc.level) ioapic_mask(irq, true);
    lapic_eoi();
    if (desc.action) {
        ++desc.running;
        const IrqAction action = desc.action;
        void* const data = desc.data;
        desc.lock.unlock();
        action(irq, data);
        desc.lock.lock();
        --desc.running;
        if (desc.level && desc.started) ioapic_mask(irq, false);
    } else if (desc.guest) {
        desc.awaiting_eoi = desc.level;
        deliver_to_guest(desc);
    }
    desc.lock.unlock();
}

void dump(char) {
    for (u32 irq = 0; irq < irqs_total; ++irq) {
        IrqDesc& desc = descs[irq];
        const IrqGuard guard(desc.lock);
        if (!desc.started) continue;
        log_info("IRQ {}: {} vector {:x} on CPU{} {}{}", irq,
                 desc.kind == IrqKind::msi ? "MSI"
                 : desc.level              ? "IO-APIC level"
                                           : "IO-APIC edge",
                 desc.vector, desc.cpu, desc.action ? "hypervisor" : "guest", desc.awaiting_eoi ? " awaiting EOI" : "");
        if (desc.guest) log_info("  d{} pirq {} port {}", desc.guest->id, desc.pirq, desc.port);
    }
}

} // namespace

IrqDesc& irq_desc(u32 irq) { return descs[irq]; }
u32 irq_count() { return irqs_total; }
u32 irq_gsi_count() { return gsi_count; }
u32 irq_default_pirqs(bool hardware_domain) { return hardware_domain ? irqs_total : gsi_count + 32; }

u32 irq_of_isa(u8 isa_irq) {
    for (u32 i = 0; i < acpi.override_count; ++i)
        if (acpi.overrides[i].isa_irq == isa_irq) return acpi.overrides[i].gsi;
    return isa_irq;
}

void irq_init() {
    tlb_init();
    mask_8259();
    gsi_count = ioapic_init();
    irqs_total = gsi_count + msi_irqs;
    descs = static_cast<IrqDesc*>(alloc_pages(order_for(irqs_total * sizeof(IrqDesc))));
    if (!descs) panic("no memory for {} IRQ descriptors", irqs_total);
    for (u32 irq = 0; irq < irqs_total; ++irq)
        ::new (static_cast<void*>(&descs[irq])) IrqDesc;
    // ISA interrupts are edge, active high unless the MADT says otherwise; the others PCI's level, active low.
    for (u32 gsi = 0; gsi < gsi_count; ++gsi) {
        descs[gsi].kind = ioapic_has(gsi) ? IrqKind::ioapic : IrqKind::unused;
        descs[gsi].level = descs[gsi].active_low = gsi >= 16;
    }
    for (u32 i = 0; i < acpi.override_count; ++i)
        if (const AcpiIrqOverride& o = acpi.overrides[i]; o.gsi < gsi_count) {
            descs[o.gsi].level = o.level;
            descs[o.gsi].active_low = o.active_low;
        }
    keyhandler_register('i', dump, "dump interrupt bindings");
}

Status irq_start(u32 irq, CpuId cpu) {
    IrqDesc& desc = descs[irq];
    HV_ASSERT(!desc.started);
    cpu = reachable(cpu);
    {
        const IrqGuard guard(vector_lock);
        desc.vector = vectors.on(cpu).allocate(irq);
    }
    if (desc.vector == 0) return Errno::no_spc;
    desc.cpu = desc.move_to = cpu;
    desc.started = true;
    desc.awaiting_eoi = false;
    route(irq, desc);
    set_masked(irq, desc, false);
    return {};
}

void irq_stop(u32 irq) {
    IrqDesc& desc = descs[irq];
    if (!desc.started) return;
    set_masked(irq, desc, true);
    const IrqGuard guard(vector_lock);
    release_old(desc);
    vectors.on(desc.cpu).release(desc.vector);
    desc.vector = 0;
    desc.started = desc.awaiting_eoi = false;
}

void irq_move(u32 irq, CpuId cpu) {
    IrqDesc& desc = descs[irq];
    desc.move_to = cpu = reachable(cpu);
    if (!desc.started || desc.cpu == cpu || desc.level)
        return; // level: an EOI of the old vector in flight would miss the changed entry; see irq_guest_eoi
    if (desc.kind == IrqKind::msi && desc.msi->maskable) msi_mask(*desc.msi, true);
    move_now(irq, desc, cpu);
    set_masked(irq, desc, false);
}

void irq_guest_eoi(u32 irq) {
    IrqDesc& desc = descs[irq];
    if (!desc.awaiting_eoi) return;
    desc.awaiting_eoi = false;
    if (desc.move_to != desc.cpu) move_now(irq, desc, desc.move_to);
    set_masked(irq, desc, false);
}

void irq_wait_idle(IrqDesc& desc) {
    while (read_once(desc.running) != 0)
        cpu_relax();
}

Status irq_set_trigger(u32 gsi, bool level, bool active_low) {
    if (gsi >= gsi_count || descs[gsi].kind != IrqKind::ioapic) return Errno::inval;
    IrqDesc& desc = descs[gsi];
    const IrqGuard guard(desc.lock);
    if (desc.level == level && desc.active_low == active_low) return {};
    if (desc.action) return Errno::busy;
    desc.level = level;
    desc.active_low = active_low;
    if (desc.started) {
        route(gsi, desc);
        desc.awaiting_eoi = false;
        set_masked(gsi, desc, false);
    }
    return {};
}

Status irq_request(u32 irq, IrqAction action, void* data) {
    if (irq >= irqs_total || descs[irq].kind == IrqKind::unused) return Errno::inval;
    IrqDesc& desc = descs[irq];
    const IrqGuard guard(desc.lock);
    if (desc.started) return Errno::busy;
    desc.action = action;
    desc.data = data;
    Status status = irq_start(irq, cpu_id());
    if (!status) desc.action = nullptr;
    return status;
}

Result<u32> irq_allocate_msi(MsiSource* source) {
    for (u32 irq = gsi_count; irq < irqs_total; ++irq) {
        IrqDesc& desc = descs[irq];
        const IrqGuard guard(desc.lock);
        if (desc.kind != IrqKind::unused) continue;
        desc.kind = IrqKind::msi;
        desc.level = false;
        desc.msi = source;
        return irq;
    }
    return Errno::no_spc;
}

void irq_free_msi(u32 irq) {
    IrqDesc& desc = descs[irq];
    MsiSource* source;
    {
        const IrqGuard guard(desc.lock);
        irq_stop(irq);
        source = desc.msi;
        desc.msi = nullptr;
        desc.kind = IrqKind::unused;
    }
    irq_wait_idle(desc);
    msi_destroy(source);
}

extern "C" void handle_interrupt(UserRegs& regs) {
    const u32 outer_locks = lock_rank_enter_interrupt();
    switch (const u8 vector = static_cast<u8>(regs.entry_vector)) {
    case vector_local_timer:
        lapic_eoi();
        event_timer_interrupt();
        break;
    case vector_event_check: // only makes the CPU pass its exit path
        lapic_eoi();
        break;
    case vector_tlb:
        lapic_eoi();
        tlb_flush_interrupt();
        break;
    case vector_call:
        lapic_eoi();
        smp_call_interrupt();
        break;
    case vector_error:
        lapic_write(LapicReg::esr, 0);
        log_warning("CPU{}: LAPIC error {:x}", cpu_id(), lapic_read(LapicReg::esr));
        lapic_eoi();
        break;
    case vector_spurious: // takes no EOI (SDM vol.3 11.9)
        break;
    default: irq_dispatch(vector);
    }
    lock_rank_leave_interrupt(outer_locks);
}

} // namespace hv
