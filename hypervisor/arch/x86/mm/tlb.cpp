// SPDX-License-Identifier: MIT
// TLB flushes. A request is a ticket in the target's mailbox and an IPI; whoever waits with interrupts off serves its
// own mailbox meanwhile, so that two CPUs may flush each other.
#include "mm/tlb.hpp"

#include "core/deferred/softirq.hpp"
#include "cpu/cpuid.hpp"
#include "cpu/cr.hpp"
#include "irq/irq.hpp"
#include "lib/percpu.hpp"
#include "mm/tlb_ipi.hpp"

namespace hv {

namespace {

struct Mailbox {
    Atomic<u32> asked{0};       ///< tickets drawn
    Atomic<u32> served{0};      ///< all tickets up to this one are paid
    Atomic<u64> page{0};        ///< 0 none, else the one page asked for + 1, or `everything`
    Atomic<bool> global{false}; ///< with `everything`: global translations, too
    Atomic<u32> flushed{0};     ///< tlb_clock when this CPU last began a full flush
};
constinit PerCpu<Mailbox> mailboxes;
constexpr u64 everything = ~u64{0};

// Counts freed pages. A CPU whose last flush began at a later count than a page's stamp has forgotten that page.
// Stamps are compared as signed distances: every CPU flushes at least once in `clock_epoch` counts.
Atomic<u32> clock{1};
constexpr u32 clock_epoch = 1U << 30;

void flush_local_global() {
    tlb_note_flush();
    if (cpu_features.invpcid) {
        struct {
            u64 pcid, address;
        } all{};
        asm volatile("invpcid %0, %1" ::"m"(all), "r"(u64{2}) : "memory");
    } else if (const u64 cr4 = read_cr4(); cr4 & Cr4::pge) {
        write_cr4(cr4 & ~Cr4::pge); // SDM vol.3 4.10.4.1: changing PGE drops global entries, too
        write_cr4(cr4);
    } else {
        write_cr3(read_cr3());
    }
}

/// Interrupts off. Looks again after every round: whoever finds a ticket still unpaid sends no IPI.
void serve(Mailbox& mine) {
    for (u32 upto; (upto = mine.asked.load()) != mine.served.load(Order::relaxed); mine.served.store(upto)) {
        const u64 page = mine.page.exchange(0);
        if (mine.global.exchange(false))
            flush_local_global();
        else if (page == everything)
            tlb_flush_local();
        else if (page != 0)
            tlb_flush_local_page(page);
    }
}

/// Draws a ticket. The page is stored before the ticket is drawn, so a server that sees the ticket sees the page.
u32 ask(CpuId cpu, u64 page, bool global) {
    Mailbox& box = mailboxes.on(cpu);
    u64 seen = 0;
    if (global) box.global.store(true);
    if (!box.page.compare_exchange(seen, page) && seen != page) box.page.store(everything);
    const u32 earlier = box.asked.fetch_add(1);
    if (box.served.load() == earlier) send_ipi(cpu, vector_tlb);
    return earlier + 1;
}

void flush(const CpuMask& mask, u64 page, bool global) {
    const IrqOff off;
    const CpuId me = cpu_id();
    u32 tickets[max_cpus];
    for_each_cpu(mask, [&](CpuId cpu) {
        if (cpu != me) tickets[cpu] = ask(cpu, page, global);
    });
    if (mask.test(me))
        global ? flush_local_global() : page == everything ? tlb_flush_local() : tlb_flush_local_page(page);
    for_each_cpu(mask, [&](CpuId cpu) {
        if (cpu == me) return;
        while (static_cast<s32>(mailboxes.on(cpu).served.load(Order::acquire) - tickets[cpu]) < 0)
            cpu_relax();
    });
}

} // namespace

void tlb_note_flush() { mailboxes.get().flushed.store(clock.load(Order::relaxed), Order::relaxed); }

void tlb_flush_local() {
    const IrqOff off;
    tlb_note_flush();
    write_cr3(read_cr3());
}

void tlb_flush_local_page(u64 address) { asm volatile("invlpg (%0)" ::"r"(address) : "memory"); }

void tlb_flush_mask(const CpuMask& mask) { flush(mask & online_cpus, everything, false); }
void tlb_flush_global_mask(const CpuMask& mask) { flush(mask & online_cpus, everything, true); }

void tlb_flush_page_mask(const CpuMask& mask, u64 address) {
    flush(mask & online_cpus, (address & page_mask) + 1, false);
}

CpuMask domain_dirty_cpus(const Domain& domain) {
    CpuMask mask;
    for (VcpuId i = 0; i < domain.max_vcpus; ++i)
        if (const Vcpu* vcpu = domain.vcpus[i])
            if (const CpuId cpu = vcpu->arch.loaded_on.load(); cpu != no_cpu) mask.set(cpu);
    return mask;
}

u32 tlb_clock() {
    const u32 now = clock.fetch_add(1);
    if (now % clock_epoch == 0) for_each_cpu(online_cpus, [](CpuId cpu) { softirq_raise_on(cpu, Softirq::tlb_flush); });
    return now;
}

void tlb_filter(CpuMask& mask, u32 stamp) {
    for_each_cpu(mask, [&](CpuId cpu) {
        if (static_cast<s32>(mailboxes.on(cpu).flushed.load() - stamp) > 0) mask.clear(cpu);
    });
}

void tlb_flush_interrupt() { serve(mailboxes.get()); }
void tlb_poll() { serve(mailboxes.get()); }

void tlb_init() { softirq_register(Softirq::tlb_flush, tlb_flush_local); }

} // namespace hv
