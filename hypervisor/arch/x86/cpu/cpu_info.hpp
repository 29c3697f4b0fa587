// SPDX-License-Identifier: MIT
// Per-CPU block at the top of each CPU's stack: found by masking %rsp, so no segment register is needed
// (a PV guest owns FS and GS). One stack per physical CPU; a vCPU is only ever switched at the exit to its guest.
#pragma once

#include "abi/xen.hpp"
#include "lib/ids.hpp"

namespace hv {

struct Vcpu;

/// Saved guest (or interrupted hypervisor) registers; the ABI's own layout, so get/setvcpucontext copy it as is.
using UserRegs = cpu_user_regs_t;

inline constexpr u64 stack_order = 3;
inline constexpr u64 stack_size = page_size << stack_order;
// IST stacks occupy the low pages of the same block, so that masking %rsp works on them too.
inline constexpr unsigned ist_mce_page = 0, ist_nmi_page = 1, ist_df_page = 2;
// Page 3 stays unmapped in debug builds as a guard where that is possible; the main stack is pages 4..7.

/// &regs.es must be 16-byte aligned: the CPU aligns %rsp before it pushes an exception frame (APM vol.2 8.9.3).
struct alignas(16) CpuInfo {
    u64 scratch;
    UserRegs regs; ///< frame of the last entry from a guest
    Vcpu* current;
    CpuId cpu;
    u32 ist_depth; ///< >0 while on an IST stack
    u64 cr4;       ///< value that context switches last wrote to CR4, 0 = none yet
    u64 xcr0;      ///< value now in XCR0
};
static_assert((offsetof(CpuInfo, regs) + offsetof(UserRegs, es)) % 16 == 0);

inline CpuInfo& cpu_info() {
    u64 rsp;
    asm("movq %%rsp, %0" : "=r"(rsp)); // not volatile: constant within a function's stay on this CPU
    return *reinterpret_cast<CpuInfo*>((rsp | (stack_size - 1)) + 1 - sizeof(CpuInfo));
}
inline CpuId cpu_id() { return cpu_info().cpu; }
inline Vcpu& current() { return *cpu_info().current; }
/// Registers with which the current guest entered the hypervisor.
inline UserRegs& guest_regs() { return cpu_info().regs; }

} // namespace hv
