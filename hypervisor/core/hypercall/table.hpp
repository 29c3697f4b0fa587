// SPDX-License-Identifier: MIT
// The one table of hypercalls: number (xen/xen.h), handler, number of arguments, who may call.
// Every handler is `Result<s64> hypercall::NAME(HypercallArgs&)`, defined in the file of its family.
#pragma once

#include "lib/result.hpp"
#include "lib/types.hpp"

namespace hv {

/// Argument values of one call. A handler that was preempted writes the remaining work back into `a` and returns
/// Errno::restart: the dispatcher then stores them to the guest's registers (or multicall entry) and re-issues the
/// instruction, so a long operation costs at most one preemption interval at a time.
struct HypercallArgs {
    u64 a[6];
};

/// True when this CPU has work that should not wait (softirq pending): long operations poll it between steps.
bool hypercall_preempt_check();

//         name                  number args
#define HV_HYPERCALLS(X)                                                                                               \
    X(set_trap_table, 0, 1)                                                                                            \
    X(mmu_update, 1, 4)                                                                                                \
    X(set_gdt, 2, 2)                                                                                                   \
    X(stack_switch, 3, 2)                                                                                              \
    X(set_callbacks, 4, 3)                                                                                             \
    X(fpu_taskswitch, 5, 1)                                                                                            \
    X(platform_op, 7, 1)                                                                                               \
    X(set_debugreg, 8, 2)                                                                                              \
    X(get_debugreg, 9, 1)                                                                                              \
    X(update_descriptor, 10, 2)                                                                                        \
    X(memory_op, 12, 2)                                                                                                \
    X(multicall, 13, 2)                                                                                                \
    X(update_va_mapping, 14, 3)                                                                                        \
    X(set_timer_op, 15, 1)                                                                                             \
    X(xen_version, 17, 2)                                                                                              \
    X(console_io, 18, 3)                                                                                               \
    X(grant_table_op, 20, 3)                                                                                           \
    X(vm_assist, 21, 2)                                                                                                \
    X(update_va_mapping_otherdomain, 22, 4)                                                                            \
    X(iret, 23, 0)                                                                                                     \
    X(vcpu_op, 24, 3)                                                                                                  \
    X(set_segment_base, 25, 2)                                                                                         \
    X(mmuext_op, 26, 4)                                                                                                \
    X(xsm_op, 27, 1)                                                                                                   \
    X(nmi_op, 28, 2)                                                                                                   \
    X(sched_op, 29, 2)                                                                                                 \
    X(callback_op, 30, 2)                                                                                              \
    X(event_channel_op, 32, 2)                                                                                         \
    X(physdev_op, 33, 2)                                                                                               \
    X(hvm_op, 34, 2)                                                                                                   \
    X(sysctl, 35, 1)                                                                                                   \
    X(domctl, 36, 1)                                                                                                   \
    X(dm_op, 41, 3)                                                                                                    \
    X(mca, 48, 1)

namespace hypercall {
#define HV_DECLARE(name, number, args) Result<s64> name(HypercallArgs& args_);
HV_HYPERCALLS(HV_DECLARE)
#undef HV_DECLARE
} // namespace hypercall

} // namespace hv
