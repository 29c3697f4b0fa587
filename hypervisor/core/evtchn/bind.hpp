// SPDX-License-Identifier: MIT
// The binding operations of the hypercall (internal to core/evtchn); each acts for the current domain.
#pragma once

#include "core/evtchn/channel.hpp"

namespace hv {

Status evtchn_alloc_unbound(evtchn_alloc_unbound_t& op);
Status evtchn_bind_interdomain(evtchn_bind_interdomain_t& op);
Result<Port> evtchn_bind_virq(Domain& domain, u32 virq, u32 vcpu_id);
Result<Port> evtchn_bind_ipi(Domain& domain, u32 vcpu_id);
Status evtchn_bind_pirq(evtchn_bind_pirq_t& op);
Status evtchn_bind_vcpu(const evtchn_bind_vcpu_t& op);
Status evtchn_set_priority(const evtchn_set_priority_t& op);
Status evtchn_status(evtchn_status_t& op);

} // namespace hv
