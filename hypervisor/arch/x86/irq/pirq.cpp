// SPDX-License-Identifier: MIT
// Lock order: PirqTable::lock, then the descriptor's. Interrupt context takes only the latter.
#include "irq/pirq.hpp"

#include "core/evtchn/evtchn.hpp"
#include "core/mm/heap.hpp"
#include "cpu/cpu_init.hpp"

namespace hv {

namespace {

bool mapped(const PirqTable& table, u32 pirq) { return pirq < table.count && table.entries[pirq].irq != 0; }

void note_eoi_need(PirqTable& table, u32 pirq, bool needed) {
    if (!table.eoi_page || pirq >= page_size * 8) return;
    u8* byte = map_as<u8>(table.eoi_page.mfn()) + pirq / 8;
    const auto bit = static_cast<u8>(1U << pirq % 8);
    if (needed)
        __atomic_fetch_or(byte, bit, __ATOMIC_SEQ_CST);
    else
        __atomic_fetch_and(byte, static_cast<u8>(~bit), __ATOMIC_SEQ_CST);
}

bool take(Pirq& pirq) {
    if (pirq.irq != 0 || pirq.reserved) return false;
    return pirq.reserved = true;
}

/// Table lock held. Afterwards no handler delivers to the domain any more.
void unbind(PirqTable& table, u32 pirq) {
    if (!table.entries[pirq].bound) return;
    const u32 irq = table.entries[pirq].irq - 1;
    IrqDesc& desc = irq_desc(irq);
    {
        const IrqGuard guard(desc.lock);
        irq_stop(irq);
        desc.guest = nullptr;
    }
    irq_wait_idle(desc);
    table.entries[pirq].bound = false;
    note_eoi_need(table, pirq, false);
}

} // namespace

Status pirq_domain_create(Domain& domain, u32 nr_pirqs) {
    auto* table = make<PirqTable>();
    auto* entries = static_cast<Pirq*>(kmalloc(nr_pirqs * sizeof(Pirq)));
    if (!table || (nr_pirqs && !entries)) {
        destroy(table);
        kfree(entries);
        return Errno::no_mem;
    }
    table->count = nr_pirqs;
    table->entries = entries;
    domain.arch.pirqs = table;
    return {};
}

void pirq_domain_destroy(Domain& domain) {
    PirqTable* table;
    {
        const Guard guard(domain.lock);
        table = domain.arch.pirqs;
        for (u32 pirq = 0; table && pirq < table->count; ++pirq)
            static_cast<void>(pirq_unmap(domain, pirq));
        domain.arch.pirqs = nullptr;
    }
    if (table) kfree(table->entries);
    destroy(table);
}

bool pirq_valid(const Domain& domain, u32 pirq) { return domain.arch.pirqs && pirq < domain.arch.pirqs->count; }

Result<u32> pirq_get_free(Domain& domain, bool msi) {
    PirqTable& table = *domain.arch.pirqs;
    const Guard guard(table.lock);
    if (msi) {
        for (u32 pirq = table.count; pirq-- > irq_gsi_count();)
            if (take(table.entries[pirq])) return pirq;
    } else {
        for (u32 pirq = 16; pirq < table.count; ++pirq)
            if (take(table.entries[pirq])) return pirq;
    }
    return Errno::no_spc;
}

u32 pirq_of_irq(Domain& domain, u32 irq) {
    const PirqTable& table = *domain.arch.pirqs;
    for (u32 pirq = 0; pirq < table.count; ++pirq)
        if (read_once(table.entries[pirq].irq) == irq + 1) return pirq;
    return ~0U;
}

Status pirq_map(Domain& domain, u32 pirq, u32 irq) {
    PirqTable& table = *domain.arch.pirqs;
    if (pirq >= table.count || irq >= irq_count()) return Errno::inval;
    const Guard guard(table.lock);
    Pirq& entry = table.entries[pirq];
    if (entry.irq != 0) return entry.irq == irq + 1 ? Status{} : Status{Errno::exist};
    entry.irq = irq + 1;
    entry.reserved = false;
    return domain.irqs_allowed.add(pirq, pirq);
}

Status pirq_unmap(Domain& domain, u32 pirq) {
    PirqTable& table = *domain.arch.pirqs;
    if (pirq >= table.count) return Errno::inval;
    u32 irq;
    {
        const Guard guard(table.lock);
        if (table.entries[pirq].irq == 0) return Errno::inval;
        unbind(table, pirq);
        irq = table.entries[pirq].irq - 1;
        table.entries[pirq].irq = 0;
    }
    static_cast<void>(domain.irqs_allowed.remove(pirq, pirq));
    if (irq >= irq_gsi_count()) irq_free_msi(irq);
    return {};
}

Status pirq_bind(Vcpu& vcpu, u32 pirq, Port port, bool) {
    Domain& domain = *vcpu.domain;
    if (!domain.arch.pirqs) return Errno::inval;
    PirqTable& table = *domain.arch.pirqs;
    const Guard guard(table.lock);
    if (!mapped(table, pirq) || table.entries[pirq].bound) return mapped(table, pirq) ? Errno::exist : Errno::inval;
    const u32 irq = table.entries[pirq].irq - 1;
    IrqDesc& desc = irq_desc(irq);
    const IrqGuard irq_guard(desc.lock);
    if (desc.started) // the hypervisor's own (serial port), or another guest's: one owner only
        return Errno::busy;
    if (desc.kind == IrqKind::unused) return Errno::inval;
    desc.guest = &domain;
    desc.pirq = pirq;
    desc.port = port;
    // Before the first interrupt: the guest decides by this bit whether it owes an EOI.
    note_eoi_need(table, pirq, desc.level);
    Status status = irq_start(irq, vcpu.processor);
    table.entries[pirq].bound = status.ok();
    if (!status) desc.guest = nullptr;
    return status;
}

void pirq_unbind(Domain& domain, u32 pirq) {
    if (!pirq_valid(domain, pirq)) return;
    const Guard guard(domain.arch.pirqs->lock);
    unbind(*domain.arch.pirqs, pirq);
}

void pirq_set_affinity(Domain& domain, u32 pirq, const Vcpu& vcpu) {
    if (!pirq_valid(domain, pirq)) return;
    const u32 irq = read_once(domain.arch.pirqs->entries[pirq].irq);
    if (irq == 0) return;
    IrqDesc& desc = irq_desc(irq - 1);
    const IrqGuard guard(desc.lock);
    if (desc.guest == &domain && desc.pirq == pirq && desc.move_to != vcpu.processor) irq_move(irq - 1, vcpu.processor);
}

void pirq_guest_eoi(Domain& domain, u32 pirq) {
    if (!pirq_valid(domain, pirq)) return;
    const u32 irq = read_once(domain.arch.pirqs->entries[pirq].irq);
    if (irq == 0) return;
    IrqDesc& desc = irq_desc(irq - 1);
    const IrqGuard guard(desc.lock);
    if (desc.guest == &domain && desc.pirq == pirq) irq_guest_eoi(irq - 1);
}

Port pirq_port(Domain& domain, u32 pirq) {
    const Guard guard(domain.arch.pirqs->lock);
    const Pirq& entry = domain.arch.pirqs->entries[pirq];
    return entry.bound ? irq_desc(entry.irq - 1).port : Port{};
}

bool pirq_needs_eoi(Domain& domain, u32 pirq) {
    const Guard guard(domain.arch.pirqs->lock);
    return mapped(*domain.arch.pirqs, pirq) && irq_desc(domain.arch.pirqs->entries[pirq].irq - 1).level;
}

bool pirq_shared(Domain& domain, u32 pirq) {
    const Guard guard(domain.arch.pirqs->lock);
    if (!mapped(*domain.arch.pirqs, pirq)) return false;
    const IrqDesc& desc = irq_desc(domain.arch.pirqs->entries[pirq].irq - 1);
    return desc.started && (desc.action || desc.guest != &domain);
}

void pirq_restore_msi(PciAddress device) {
    for (u32 irq = irq_gsi_count(); irq < irq_count(); ++irq) {
        IrqDesc& desc = irq_desc(irq);
        const IrqGuard guard(desc.lock);
        if (!desc.started || !desc.msi || !(desc.msi->device == device)) continue;
        desc.msi->vector = 0; // forget what was written
        desc.msi->masked = false;
        msi_mask(*desc.msi, true);
        msi_program(*desc.msi, desc.vector, cpu_apic_ids[desc.cpu]);
        msi_mask(*desc.msi, false);
    }
}

Status pirq_set_eoi_page(Domain& domain, Mfn mfn) {
    TypedPageRef page = TRY(TypedPageRef::take(mfn, domain, PageType::writable));
    PirqTable& table = *domain.arch.pirqs;
    const Guard guard(table.lock);
    if (table.eoi_page) return Errno::busy;
    table.eoi_page = static_cast<TypedPageRef&&>(page);
    domain.arch.physdev_eoi_mfn = mfn.raw();
    for (u32 pirq = 0; pirq < table.count; ++pirq)
        note_eoi_need(table, pirq, table.entries[pirq].bound && irq_desc(table.entries[pirq].irq - 1).level);
    return {};
}

} // namespace hv
