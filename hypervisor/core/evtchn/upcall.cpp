// SPDX-License-Identifier: MIT
// The upcall flags in vcpu_info (xen/xen.h): how pending events reach a vCPU.
#include "core/domain/domain.hpp"

namespace hv {

void vcpu_mark_events_pending(Vcpu& vcpu) {
    auto& pending = reinterpret_cast<Atomic<u8>&>(vcpu.info->evtchn_upcall_pending);
    if (pending.exchange(1)) return;
    vcpu_unblock(vcpu);
    if (&vcpu != &current()) vcpu_kick(vcpu);
}

bool vcpu_events_pending(const Vcpu& vcpu) {
    return read_once(vcpu.info->evtchn_upcall_pending) && !read_once(vcpu.info->evtchn_upcall_mask);
}

} // namespace hv
