// SPDX-License-Identifier: MIT
// Machine state as text.
#pragma once

#include "cpu/cpu_info.hpp"

namespace hv {

/// General, segment and control registers of what runs here; of a guest or of the hypervisor.
void dump_registers(const UserRegs& regs);
/// Registers of a vCPU that does not run now.
void dump_vcpu(const Vcpu& vcpu);
/// Registers, the top of the stack and the call trace of hypervisor code that was interrupted at `regs`.
void dump_hypervisor_state(const UserRegs& regs);
/// Where the caller is.
void dump_here();

} // namespace hv
