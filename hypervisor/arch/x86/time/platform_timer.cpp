// SPDX-License-Identifier: MIT
#include "time/platform_timer.hpp"

#include "core/debug/printk.hpp"
#include "core/init/cmdline.hpp"
#include "cpu/cr.hpp"
#include "cpu/irqflags.hpp"
#include "drivers/acpi/acpi.hpp"
#include "mm/hv_pagetable.hpp"

namespace hv {

namespace {

StringOption clocksource("clocksource", ""); // hpet, acpi: as in Xen
HV_OPTION(clocksource);

volatile u32* hpet;
PlatformTimer chosen;

bool wanted(const char* name) {
    const char* value = clocksource.value;
    if (!*value) return true;
    while (*value && *value == *name)
        ++value, ++name;
    return *value == *name;
}

/// IA-PC HPET specification 1.0a 2.3.
bool try_hpet() {
    if (!acpi.hpet_address || !wanted("hpet")) return false;
    hpet = static_cast<volatile u32*>(ioremap(acpi.hpet_address, 0x400));
    if (!hpet) return false;
    const u32 period_fs = hpet[1];
    if (hpet[0] == ~0U || period_fs == 0 || period_fs > 100'000'000) {
        log_warning("HPET at {:x} does not answer properly", acpi.hpet_address);
        return false;
    }
    hpet[4] = (hpet[4] & ~2U) | 1; // count; no legacy routing
    chosen = {"HPET", u64{1'000'000'000'000'000} / period_fs, 0xffffffff, [] { return u64{hpet[0xf0 / 4]}; }};
    const u64 first = chosen.read();
    for (int i = 0; i < 10000; ++i)
        if (chosen.read() != first) return true;
    log_warning("HPET does not count");
    return false;
}

bool try_pm_timer() {
    if (acpi.pm_timer.space != 1 || acpi.pm_timer.address == 0 || acpi.pm_timer.address > 0xfffc || !wanted("acpi"))
        return false;
    static u16 port;
    port = static_cast<u16>(acpi.pm_timer.address);
    const u64 mask = acpi.pm_timer_32bit ? 0xffffffff : 0xffffff;
    chosen = {"PM timer", 3'579'545, mask, [] { return u64{inl(port)}; }};
    return true;
}

u8 cmos(u8 reg) {
    outb(0x70, reg);
    return inb(0x71);
}

u32 from_bcd(u8 value) { return (value >> 4) * 10U + (value & 15); }

/// Days since 1970-01-01 of a Gregorian date; March-based years put the leap day last.
u64 days_since_1970(u64 year, u64 month, u64 day) {
    if (month <= 2) {
        year -= 1;
        month += 12;
    }
    return year * 365 + year / 4 - year / 100 + year / 400 + (153 * (month - 3) + 2) / 5 + day - 1 - 719468;
}

} // namespace

const PlatformTimer* platform_timer_init() {
    if (!try_hpet() && !try_pm_timer()) return nullptr;
    log_info("time: platform timer {} at {} kHz", chosen.name, chosen.hz / 1000);
    return &chosen;
}

/// One count-down of `count` PIT ticks.
static u64 pit_measure_once(u32 count) {
    outb(0x61, static_cast<u8>((inb(0x61) & ~2) | 1)); // gate on, speaker off
    outb(0x43, 0xb0);                                  // channel 2, both bytes, mode 0
    outb(0x42, static_cast<u8>(count));
    outb(0x42, static_cast<u8>(count >> 8));
    const u64 start = rdtsc_ordered();
    for (u32 spins = 0; !(inb(0x61) & 0x20) && spins < 10'000'000; ++spins) {
    }
    return rdtsc_ordered() - start;
}

u64 pit_measure_tsc(u32 ms) {
    constexpr u32 pit_hz = 1'193'182;
    const u32 count = pit_hz * (ms > 50 ? 50 : ms) / 1000;
    // Whatever interrupts the CPU (firmware, a host) only makes it longer: the least is right when two agree on it.
    u64 least = ~u64{0};
    for (int tries = 0; tries < 10; ++tries) {
        const u64 ticks = pit_measure_once(count);
        const u64 distance = ticks > least ? ticks - least : least - ticks;
        const bool agree = distance < ticks >> 11;
        least = ticks < least ? ticks : least;
        if (agree) break;
    }
    return least;
}

u64 cmos_read_seconds() {
    u8 now[7] = {}, again[7] = {};
    static constexpr u8 regs[7] = {0, 2, 4, 7, 8, 9, 0x32};
    const u64 flags = irq_save();
    for (int tries = 0; tries < 100; ++tries) { // until two readings outside an update agree
        for (int spins = 0; (cmos(0x0a) & 0x80) && spins < 100'000; ++spins) {
        }
        bool same = true;
        for (unsigned i = 0; i < 7; ++i) {
            again[i] = now[i];
            now[i] = cmos(regs[i]);
            same &= now[i] == again[i];
        }
        if (same) break;
    }
    const u8 format = cmos(0x0b);
    irq_restore(flags);
    const bool pm = !(format & 2) && (now[2] & 0x80);
    now[2] &= 0x7f;
    u32 v[7];
    for (unsigned i = 0; i < 7; ++i)
        v[i] = format & 4 ? now[i] : from_bcd(now[i]);
    if (!(format & 2)) v[2] = v[2] % 12 + (pm ? 12 : 0);
    const u32 century = from_bcd(now[6]) >= 19 && from_bcd(now[6]) <= 29 ? from_bcd(now[6]) : 20;
    if (v[4] < 1 || v[4] > 12 || v[3] < 1 || v[3] > 31 || v[2] > 23 || v[1] > 59 || v[0] > 60) {
        log_warning("time: the CMOS clock holds nonsense");
        return 0;
    }
    return ((days_since_1970(century * 100 + v[5], v[4], v[3]) * 24 + v[2]) * 60 + v[1]) * 60 + v[0];
}

} // namespace hv
