// SPDX-License-Identifier: MIT
// Machine checks (APM vol.2 ch.9, SDM vol.3 ch.15): logged by bank; an uncorrected one stops the machine. Any other
// stays in its bank until the CPU next leaves the hypervisor: it may have come while this CPU holds the console.
#include "traps/mce.hpp"

#include "core/debug/console.hpp"
#include "core/debug/panic.hpp"
#include "core/debug/printk.hpp"
#include "core/deferred/softirq.hpp"
#include "cpu/cpuid.hpp"
#include "cpu/cr.hpp"
#include "cpu/msr.hpp"
#include "traps/traps.hpp"

namespace hv {

namespace {

constexpr u64 status_valid = u64{1} << 63, status_uncorrected = u64{1} << 61, status_address = u64{1} << 58,
              status_corrupt = u64{1} << 57;
constexpr u64 mcg_ctl_present = 1 << 8;

u32 bank_count() { return static_cast<u32>(rdmsr(Msr::mcg_cap) & 0xff); }
u32 bank_msr(u32 bank, u32 reg) { return Msr::mc0_ctl + 4 * bank + reg; }

/// visit(bank, status) of every bank that holds something.
template <typename F> void for_each_report(F&& visit) {
    for (u32 bank = 0; bank < bank_count(); ++bank) {
        const Result<u64> status = rdmsr_safe(bank_msr(bank, 1));
        if (status.ok() && (status.value() & status_valid)) visit(bank, status.value());
    }
}

void log_reports() {
    for_each_report([](u32 bank, u64 status) {
        const u64 address = status & status_address ? rdmsr(bank_msr(bank, 2)) : 0;
        log_error("CPU{}: machine check bank {}: status {:016x} address {:x}", cpu_id(), bank, status, address);
        wrmsr(bank_msr(bank, 1), 0);
    });
}

} // namespace

void mce_init() {
    if (!cpu_features.mce || !cpu_features.mca) return;
    softirq_register(Softirq::machine_check, log_reports);
    if (rdmsr(Msr::mcg_cap) & mcg_ctl_present) static_cast<void>(wrmsr_safe(Msr::mcg_ctl, ~u64{0}));
    for (u32 bank = 0; bank < bank_count(); ++bank) {
        static_cast<void>(wrmsr_safe(bank_msr(bank, 0), ~u64{0}));
        static_cast<void>(wrmsr_safe(bank_msr(bank, 1), 0));
    }
    write_cr4(read_cr4() | Cr4::mce);
}

void handle_machine_check(UserRegs& regs) {
    bool fatal = !(rdmsr(Msr::mcg_status) & 1); // RIPV: can the interrupted code go on?
    for_each_report([&](u32, u64 status) { fatal |= (status & (status_uncorrected | status_corrupt)) != 0; });
    if (fatal) {
        console_force_unlock(); // it may have come in the middle of a line
        log_reports();
        panic_with_registers(regs, "Machine check");
    }
    softirq_raise(Softirq::machine_check);
    wrmsr(Msr::mcg_status, 0);
}

} // namespace hv
