// SPDX-License-Identifier: MIT
// Closing ports: by the guest, by a reset of all of them, and at the domain's death.
#include "core/evtchn/channel.hpp"
#include "core/evtchn/virq.hpp"
#include "core/hypercall/table.hpp"
#include "irq/irq.hpp"

namespace hv {

/// Closes a port that has no far end. bind_lock held.
static Status close_local(Domain& domain, Channel& channel) {
    switch (channel.state()) {
    case PortState::free:
    case PortState::reserved: return Errno::inval;
    case PortState::pirq:
        pirq_unbind(domain, channel.pirq());
        --domain.evtchn->pirq_ports;
        break;
    case PortState::virq:
        for_each_vcpu(domain, [&channel](Vcpu& vcpu) {
            const IrqGuard guard(vcpu.virq_lock);
            if (vcpu.virq_port[channel.virq()] == channel.port()) vcpu.virq_port[channel.virq()] = Port{};
        });
        break;
    default: break;
    }
    const Guard guard(channel.lock);
    evtchn_free_port(domain, channel);
    return {};
}

Status evtchn_close(Domain& domain, Port port, bool by_guest) {
    Channel* near = domain.evtchn->find(port);
    if (!near) return Errno::inval;
    for (;;) {
        DomainRef remote;
        {
            const Guard guard(domain.evtchn->bind_lock);
            if (by_guest && near->consumer) return Errno::inval;
            if (near->state() != PortState::interdomain) return close_local(domain, *near);
            remote = DomainRef::share(near->remote());
        }
        // Both ends change together; the second lock may come first in the order, so look again under both.
        const DoubleGuard guard(domain.evtchn->bind_lock, remote->evtchn->bind_lock);
        if (near->state() != PortState::interdomain || &near->remote() != &*remote) continue;
        Channel& far = remote->evtchn->at(near->remote_port().raw());
        // The references that the two ends held; never the last ones, `remote` and the caller hold others.
        const DomainRef of_near = DomainRef::adopt(near->remote());
        const DomainRef of_far = DomainRef::adopt(far.remote());
        const DoubleGuard ports(near->lock, far.lock);
        far.set_unbound(domain.id);
        evtchn_free_port(domain, *near);
        return {};
    }
}

/// Closes ports from table.next_close on; -ERESTART when it should go on later.
static Status close_all(Domain& domain, bool by_guest) {
    EvtchnDomain& table = *domain.evtchn;
    for (; table.next_close < table.valid_ports.load(); ++table.next_close) {
        if (table.next_close) static_cast<void>(evtchn_close(domain, Port{table.next_close}, by_guest));
        if (table.next_close % EvtchnDomain::bucket_ports == 0 && table.next_close && hypercall_preempt_check()) {
            ++table.next_close;
            return Errno::restart;
        }
    }
    table.next_close = 0;
    return {};
}

Status evtchn_reset(Domain& domain, bool resume) {
    // Another domain's channels are closed only while it does not run.
    if (&domain != current().domain && !domain.controller_pauses) return Errno::inval;
    if (!resume) domain.evtchn->next_close = 0;
    TRY(close_all(domain, true));
    // A port that another vCPU bound meanwhile may be sent on right now, through the structures that would go.
    EvtchnDomain& table = *domain.evtchn;
    const Guard guard(table.bind_lock);
    for (u32 port = 1; port < table.valid_ports.load(); ++port)
        if (table.at(port).bound() && !table.at(port).consumer) return Errno::again;
    evtchn_fifo_destroy(domain);
    return {};
}

Status evtchn_domain_relinquish(Domain& domain) {
    if (!domain.evtchn) return {};
    {
        const Guard guard(domain.evtchn->bind_lock); // whoever bound a port before `dying` was set is done now
    }
    TRY(close_all(domain, false));
    evtchn_fifo_destroy(domain);
    virq_handlers_forget(domain);
    return {};
}

} // namespace hv
