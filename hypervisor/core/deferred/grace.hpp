// SPDX-License-Identifier: MIT
// A GraceCall runs after every CPU has been outside the hypervisor's read-side code (between hypercalls, in its softirq
// loop or idle) at least once.
#pragma once

#include "lib/list.hpp"

namespace hv {

/// Lives in the object that it frees.
struct GraceCall {
    void (*callback)(GraceCall&) = nullptr;
    ListNode node;
};
/// Calls `callback(call)` in softirq context once no CPU can still be using what was unpublished before this.
void grace_call(GraceCall& call, void (*callback)(GraceCall&));

void grace_init(); ///< registers the softirq; before interrupts are enabled

} // namespace hv
