// SPDX-License-Identifier: MIT
// Event channels as the rest of the hypervisor sees them.
#pragma once

#include "core/domain/domain.hpp"

namespace hv {

Status evtchn_domain_create(Domain& domain, u32 max_port);
Status evtchn_domain_relinquish(Domain& domain); ///< closes every port; preemptible
void evtchn_domain_destroy(Domain& domain);
Status evtchn_vcpu_create(Vcpu& vcpu);
void evtchn_vcpu_destroy(Vcpu& vcpu);

void evtchn_send_virq(Vcpu& vcpu, u32 virq); ///< VIRQ_TIMER, VIRQ_DEBUG...
void evtchn_send_global_virq(u32 virq);      ///< VIRQ_DOM_EXC, VIRQ_CONSOLE...: to its handler domain
Status evtchn_set_global_virq_handler(Domain& domain, u32 virq);
bool evtchn_virq_is_global(u32 virq);
/// An interrupt of the machine arrived for the port bound to this PIRQ. False: nothing is bound.
bool evtchn_send_pirq(Domain& domain, Port port);
/// Unmasks from inside the hypervisor (VCPUOP/PHYSDEVOP users), re-raising what is pending.
void evtchn_unmask(Domain& domain, Port port);
/// Moves pirq/virq affinity when a vCPU is scheduled elsewhere.
/// SCHEDOP_poll support: is this port valid, and is it pending now?
bool evtchn_port_valid(Domain& domain, Port port);
bool evtchn_port_pending(Domain& domain, Port port);

/// Channels whose one end is the hypervisor itself (ioreq, suspend notification by tools).
using EvtchnConsumer = void (*)(Vcpu& vcpu, Port port);
Result<Port> evtchn_alloc_unbound_xen(Domain& local, VcpuId vcpu, Domid remote, EvtchnConsumer notify);
void evtchn_free_xen(Domain& local, Port port);
void evtchn_notify_xen(Domain& local, Port port); ///< sends to the remote end
/// Sends on a guest's own port (domctl subscribe).
Status evtchn_send(Domain& local, Port port);

/// Debug key of this family; once at boot.
void evtchn_keys_register();

} // namespace hv
