// SPDX-License-Identifier: MIT
// Deferred calls: a Tasklet runs a function on a chosen CPU in softirq context; a GraceCall runs one after every CPU
// has been outside the hypervisor's read-side code (between hypercalls, in its softirq loop or idle) at least once.
#pragma once

#include "lib/ids.hpp"
#include "lib/list.hpp"

namespace hv {

class Tasklet {
  public:
    using Callback = void (*)(void* data);
    constexpr Tasklet(Callback callback, void* data) : callback_(callback), data_(data) {}
    Tasklet(const Tasklet&) = delete;
    Tasklet& operator=(const Tasklet&) = delete;
    void schedule(); ///< on this CPU; once, however often it is asked for before it runs
    void schedule_on(CpuId cpu);
    void kill(); ///< afterwards it neither waits nor runs (not from its own callback)

  private:
    friend struct TaskletQueue;
    Callback callback_;
    void* data_;
    ListNode node_;
    CpuId cpu_ = 0;
    bool queued_ = false;
};

/// Lives in the object that it frees.
struct GraceCall {
    void (*callback)(GraceCall&) = nullptr;
    ListNode node;
};
/// Calls `callback(call)` in softirq context once no CPU can still be using what was unpublished before this.
void grace_call(GraceCall& call, void (*callback)(GraceCall&));

void deferred_init(); ///< registers the softirqs; before interrupts are enabled

} // namespace hv
