// SPDX-License-Identifier: MIT
// The scheduler as the rest of the hypervisor sees it: preemptive, fair-share with weights and caps, one run queue per
// CPU with stealing, tickless when idle. Answers the credit2 control interface.
#pragma once

#include "core/domain/domain.hpp"
#include "lib/cpumask.hpp"

namespace hv {

extern CpuMask online_cpus;
inline CpuId cpu_count_online() { return online_cpus.count(); }

/// Boot CPU, after domain_init() and the heap: run queues and the boot CPU's idle vCPU, which becomes current().
void sched_init();
/// On the boot CPU before `cpu` is started: creates idle_vcpu(cpu). That CPU then sets cpu_info().current to it, its
/// bit in online_cpus, and ends in idle_loop().
Status sched_cpu_up(CpuId cpu);
Vcpu& idle_vcpu(CpuId cpu);
Status sched_vcpu_create(Vcpu& vcpu);
void sched_vcpu_destroy(Vcpu& vcpu);
Status sched_domain_create(Domain& domain);
void sched_domain_destroy(Domain& domain);

void sched_block(); ///< current vCPU: SCHEDOP_block semantics (wakes if an event is pending)
void sched_yield();
/// Affinity: hard restricts, soft prefers. -EINVAL when it leaves no CPU.
Status sched_set_affinity(Vcpu& vcpu, const CpuMask* hard, const CpuMask* soft);
void sched_get_affinity(const Vcpu& vcpu, CpuMask& hard, CpuMask& soft);
/// SCHEDOP_pin_override (cpu < 0 ends it), and XEN_VCPUAFFINITY_FORCE, which ends it from outside.
Status sched_pin_override(Vcpu& vcpu, s32 cpu);
void sched_undo_pin_override(Vcpu& vcpu);
/// XEN_DOMCTL_scheduler_op / XEN_SYSCTL_scheduler_op bodies.
Status sched_adjust(Domain& domain, xen_domctl_scheduler_op& op);
Status sched_adjust_global(xen_sysctl_scheduler_op& op);
inline constexpr u32 sched_id_reported = XEN_SCHEDULER_CREDIT2;
u64 vcpu_cpu_time_ns(const Vcpu& vcpu); ///< RUNSTATE_running total including the current stint
void vcpu_runstate_get(const Vcpu& vcpu, vcpu_runstate_info_t& out);
u64 cpu_idle_time_ns(CpuId cpu);
bool sched_all_idle();

/// The architecture's switch: saves prev, loads next, then continues at next's exit path. Does not return.
[[noreturn]] void context_switch(Vcpu& prev, Vcpu& next);
/// Same vCPU goes on.
[[noreturn]] void continue_running(Vcpu& same);
/// Called by context_switch on the new stack state once prev's registers are saved: prev may run elsewhere now.
void context_saved(Vcpu& prev);
/// Idle loop body: halts until an interrupt unless a softirq is pending.
[[noreturn]] void idle_loop();
/// Writes the guest's runstate area after a switch (arch: through the new page tables).
void update_runstate_area(Vcpu& vcpu);

} // namespace hv
