// SPDX-License-Identifier: MIT
#pragma once

#include "cpu/cpu_info.hpp"

namespace hv {

/// Like panic(), for a fault in the hypervisor at `regs`.
[[noreturn]] void panic_with_registers(const UserRegs& regs, const char* what);
/// The machine or what the loader gave us cannot run: one clear line, then stop. No reboot loop.
[[noreturn]] void boot_failed(const char* why);
/// False with `noreboot`.
bool reboot_wanted();

} // namespace hv
