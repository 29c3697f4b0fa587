// SPDX-License-Identifier: MIT
#include "core/debug/panic.hpp"
#include "core/debug/printk.hpp"
#include "core/init/cmdline.hpp"
#include "cpu/cr.hpp"
#include "platform/power.hpp"
#include "traps/dump.hpp"
#include "traps/traps.hpp"

namespace hv {

namespace {
StringOption nmi("nmi", "fatal");
HV_OPTION(nmi);

constexpr u16 system_control_b = 0x61;
constexpr u8 parity_error = 0x80, io_check = 0x40;
} // namespace

/// No locks may be waited for here: the CPU may have been interrupted inside printk. Only a fatal reason prints.
void handle_nmi(UserRegs& regs) {
    if (cpus_stopping()) cpu_stop_here();
    if (cpu_id() != 0) return; // reasons are wired to the boot CPU; others get NMIs from us only
    const u8 reason = inb(system_control_b);
    if (!(reason & (parity_error | io_check)) || nmi.value[0] == 'i') return;
    panic_with_registers(regs, reason & parity_error ? "NMI: memory parity error (PCI SERR)" : "NMI: I/O check error");
}

} // namespace hv
