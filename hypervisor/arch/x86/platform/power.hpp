// SPDX-License-Identifier: MIT
// Stopping the machine.
#pragma once

#include "lib/result.hpp"
#include "lib/types.hpp"

namespace hv {

/// Resets the machine: ACPI reset register, keyboard controller, PCI 0xcf9, triple fault. Callable from panic.
[[noreturn]] void machine_restart(u32 delay_ms = 0);
/// Stops every CPU with interrupts off, the serial console still readable.
[[noreturn]] void machine_halt();
/// Soft off (S5) through the FADT's PM1 control registers; dom0 knows from _S5 what to write. Returns only on failure.
Status machine_power_off(u16 pm1a_control, u16 pm1b_control);
/// Hypercall of the hardware domain's shutdown (SHUTDOWN_*): reboots, powers off or halts as `reason` asks.
[[noreturn]] void hardware_domain_shutdown(u32 reason);
/// Stops all other CPUs by NMI-free IPI (panic and restart paths); they halt with interrupts off.
void stop_other_cpus();
bool cpus_stopping();              ///< set by stop_other_cpus(): NMI and call-IPI handlers then call
[[noreturn]] void cpu_stop_here(); ///< this one

} // namespace hv
