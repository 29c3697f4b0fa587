// SPDX-License-Identifier: MIT
// Host version: a CPU is a thread. Tests set its number and current vCPU.
#pragma once

#include "abi/xen.hpp"
#include "lib/ids.hpp"

namespace hv {

struct Vcpu;
using UserRegs = cpu_user_regs_t;

inline constexpr u64 stack_order = 3;
inline constexpr u64 stack_size = page_size << stack_order;

struct CpuInfo {
    UserRegs regs;
    Vcpu* current;
    CpuId cpu;
    u32 ist_depth;
    u64 cr4;
    u64 xcr0;
};
inline thread_local CpuInfo host_cpu_info{};

inline CpuInfo& cpu_info() { return host_cpu_info; }
inline CpuId cpu_id() { return cpu_info().cpu; }
inline Vcpu& current() { return *cpu_info().current; }
inline UserRegs& guest_regs() { return cpu_info().regs; }

} // namespace hv
