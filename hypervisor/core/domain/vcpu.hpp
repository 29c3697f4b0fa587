// SPDX-License-Identifier: MIT
// A virtual CPU: identity, scheduling state, event state; the architecture's part is `arch`.
#pragma once

#include "abi/xen.hpp"
#include "arch_vcpu.hpp"
#include "core/time/timer.hpp"
#include "lib/atomic.hpp"
#include "lib/ids.hpp"
#include "lib/list.hpp"
#include "lib/spinlock.hpp"

namespace hv {

struct Domain;
struct SchedUnit; // the scheduler's private part

/// Why a vCPU does not run; any set bit keeps it off the run queue.
struct PauseFlag {
    static constexpr u32 blocked = 1 << 0; ///< SCHEDOP_block/poll; cleared by an event
    static constexpr u32 down = 1 << 1;    ///< not brought up (VCPUOP_up)
    static constexpr u32 in_reset = 1 << 2;
    static constexpr u32 blocked_in_xen = 1 << 3; ///< waits for an ioreq
};

struct Vcpu {
    Domain* domain;
    VcpuId id;
    CpuId processor;         ///< runs or last ran here
    bool initialised;        ///< VCPUOP_initialise / setvcpucontext done
    Atomic<bool> is_running; ///< on a physical CPU now (its registers live in that CPU's CpuInfo)
    Atomic<u32> pause_flags; ///< PauseFlag bits
    Atomic<u32> pause_count; ///< nested vcpu_pause()
    bool paused_for_shutdown;
    bool is_idle;

    // Shared vcpu_info: inside shared_info, or registered by VCPUOP_register_vcpu_info, or a private dummy.
    vcpu_info_t* info;
    PageInfo* info_page; ///< set when registered: holds a writable TypedPageRef

    // Run state accounting (xen/vcpu.h); the guest's copy is written on context switch.
    vcpu_runstate_info_t runstate;
    u64 runstate_guest; ///< guest virtual address, 0 = not registered
    u64 last_run_time;

    // Timers of the ABI.
    Timer singleshot_timer;
    Timer periodic_timer;
    Timer poll_timer;
    u64 periodic_period;
    u64 periodic_last_event;

    // Event channels.
    Port virq_port[NR_VIRQS];
    SpinLock virq_lock{LockRank::evtchn_port};
    Atomic<s32> poll_port;     ///< 0 none, >0 waits for that port, -1 any of several
    struct EvtchnVcpu* evtchn; ///< FIFO control block state, nullptr in 2-level mode

    SchedUnit* sched;
    ArchVcpu arch;
};

void vcpu_pause(Vcpu& vcpu); ///< nested; returns once it no longer runs (never on itself: see nosync)
void vcpu_pause_nosync(Vcpu& vcpu);
void vcpu_unpause(Vcpu& vcpu);
void vcpu_wake(Vcpu& vcpu);         ///< re-evaluates its flags and queues it when runnable
void vcpu_sleep_nosync(Vcpu& vcpu); ///< takes it off the queue or asks its CPU to reschedule
void vcpu_sleep_sync(Vcpu& vcpu);
void vcpu_unblock(Vcpu& vcpu); ///< clears `blocked` and wakes
void vcpu_kick(Vcpu& vcpu);    ///< makes it pass the hypervisor's exit path soon (pending events)
inline bool vcpu_runnable(const Vcpu& vcpu);

/// Upcall plumbing of the architecture: sets vcpu_info pending bits and unblocks/kicks the vCPU.
void vcpu_mark_events_pending(Vcpu& vcpu);
bool vcpu_events_pending(const Vcpu& vcpu); ///< pending and not masked: the exit path must inject the upcall

} // namespace hv
