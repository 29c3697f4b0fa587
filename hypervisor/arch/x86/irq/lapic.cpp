// SPDX-License-Identifier: MIT
// Physical destinations only: they work on every machine, and with firmware that leaves logical ids unset.
#include "irq/lapic.hpp"

#include "core/debug/printk.hpp"
#include "core/init/cmdline.hpp"
#include "cpu/cpuid.hpp"
#include "cpu/msr.hpp"
#include "drivers/acpi/acpi.hpp"
#include "irq/irq.hpp"
#include "lib/percpu.hpp"
#include "mm/hv_pagetable.hpp"

namespace hv {

namespace {

volatile u32* xapic; // its registers, nullptr in x2APIC mode
bool x2apic_on;
constinit PerCpu<u32> last_destination; // APIC id + 1 in ICR_HIGH, 0 not known

BoolOption x2apic_option("x2apic", true);
HV_OPTION(x2apic_option);

constexpr u64 base_x2apic = 1 << 10, base_enable = 1 << 11;
constexpr u32 icr_nmi = 4 << 8, icr_init = 5 << 8, icr_startup = 6 << 8, icr_assert = 1 << 14, icr_busy = 1 << 12;
constexpr u32 lvt_masked = 1 << 16, lvt_nmi = 4 << 8;

void enable_this_cpu() {
    const u64 base = rdmsr(Msr::apic_base);
    // Disabled to x2APIC directly is illegal: through xAPIC mode (SDM vol.3 11.12.5).
    wrmsr(Msr::apic_base, base | base_enable);
    if (x2apic_on) wrmsr(Msr::apic_base, base | base_enable | base_x2apic);
}

/// Interrupts that the firmware left in service would block everything of their priority and below.
void acknowledge_stale() {
    for (unsigned n = 0; n < 256; ++n) {
        bool any = false;
        for (u32 i = 0; i < 8; ++i)
            any |= lapic_read(LapicReg::isr + i * 16) != 0;
        if (!any) return;
        lapic_eoi();
    }
}

void send(u32 apic_id, u32 command) {
    if (!xapic) {
        memory_fence(); // WRMSR to the x2APIC is not ordered behind earlier stores (SDM vol.3 11.12.3)
        wrmsr(Msr::x2apic_base + LapicReg::icr / 16, u64{apic_id} << 32 | command);
        return;
    }
    const IrqOff off; // an interrupt between the two writes might send an IPI of its own
    // A virtual APIC delivers as part of the write; reading its status costs another exit.
    while (!cpu_features.hypervisor && lapic_read(LapicReg::icr) & icr_busy)
        cpu_relax();
    // The destination stays in the register: the same one again need not be written.
    if (u32& last = last_destination.get(); last != apic_id + 1) {
        lapic_write(LapicReg::icr_high, apic_id << 24);
        last = apic_id + 1;
    }
    lapic_write(LapicReg::icr, command);
}

} // namespace

u32 lapic_read(u32 reg) { return xapic ? xapic[reg / 4] : static_cast<u32>(rdmsr(Msr::x2apic_base + reg / 16)); }
void lapic_write(u32 reg, u32 value) {
    if (xapic)
        xapic[reg / 4] = value;
    else
        wrmsr(Msr::x2apic_base + reg / 16, value);
}
u32 lapic_id() { return x2apic_on ? lapic_read(LapicReg::id) : lapic_read(LapicReg::id) >> 24; }
void lapic_eoi() { lapic_write(LapicReg::eoi, 0); }

void lapic_init_cpu() {
    enable_this_cpu();
    lapic_write(LapicReg::tpr, 0);
    lapic_write(LapicReg::svr, 0x100 | vector_spurious);
    const u32 last_lvt = lapic_read(LapicReg::version) >> 16 & 0xff;
    lapic_write(LapicReg::lvt_timer, lvt_masked);
    lapic_write(LapicReg::lvt_lint0, lvt_masked); // ExtINT: the 8259s are masked
    lapic_write(LapicReg::lvt_lint1, lvt_nmi);    // MADT "local APIC NMI" names LINT1 on every machine known
    if (last_lvt >= 3) lapic_write(LapicReg::lvt_error, vector_error);
    if (last_lvt >= 4) lapic_write(LapicReg::lvt_perf, lvt_masked);
    if (last_lvt >= 5) lapic_write(LapicReg::lvt_thermal, lvt_masked);
    if (last_lvt >= 6) lapic_write(LapicReg::lvt_cmci, lvt_masked);
    lapic_write(LapicReg::esr, 0);
    acknowledge_stale();
}

void lapic_init_boot_cpu() {
    const bool preset = rdmsr(Msr::apic_base) & base_x2apic;
    x2apic_on = cpu_features.x2apic && (preset || x2apic_option.value);
    if (!x2apic_on) {
        xapic = static_cast<volatile u32*>(ioremap(acpi.lapic_address, page_size));
        if (!xapic) panic("no room to map the local APIC");
        while (cpu_count_present > 1 && cpu_apic_ids[cpu_count_present - 1] > 0xfe) {
            log_warning("LAPIC: APIC id {} needs x2APIC: CPU left out", cpu_apic_ids[cpu_count_present - 1]);
            --cpu_count_present;
        }
    }
    lapic_init_cpu();
    log_info("LAPIC: {} mode, id {}, version {:x}", x2apic_on ? "x2APIC" : "xAPIC", lapic_id(),
             lapic_read(LapicReg::version));
}

void send_ipi(CpuId cpu, u8 vector) { send(cpu_apic_ids[cpu], vector | icr_assert); }
void send_ipi_mask(const CpuMask& mask, u8 vector) {
    for_each_cpu(mask, [vector](CpuId cpu) { send_ipi(cpu, vector); });
}
void send_nmi(CpuId cpu) { send(cpu_apic_ids[cpu], icr_nmi | icr_assert); }
void lapic_send_init(u32 apic_id) { send(apic_id, icr_init | icr_assert); }
void lapic_send_startup(u32 apic_id, u8 page) { send(apic_id, icr_startup | icr_assert | page); }

} // namespace hv
