// SPDX-License-Identifier: MIT
// Binding ports: EVTCHNOP_alloc_unbound, bind_*, set_priority, status.
#include "core/evtchn/bind.hpp"

#include "irq/irq.hpp"

namespace hv {

static Result<Port> alloc_unbound(Domain& local, VcpuId vcpu, Domid remote, u8 consumer) {
    const Guard guard(local.evtchn->bind_lock);
    Channel& channel = *TRY(evtchn_alloc_port(local));
    const Guard port_guard(channel.lock);
    channel.set_unbound(remote);
    channel.vcpu = static_cast<u16>(vcpu);
    channel.consumer = consumer;
    return channel.port();
}

Status evtchn_alloc_unbound(evtchn_alloc_unbound_t& op) {
    const DomainRef local = TRY(DomainRef::find_target(Domid{op.dom}));
    const Domid remote = Domid{op.remote_dom} == domid_self ? current().domain->id : Domid{op.remote_dom};
    op.port = TRY(alloc_unbound(*local, 0, remote, 0)).raw();
    return {};
}

Result<Port> evtchn_alloc_unbound_xen(Domain& local, VcpuId vcpu, Domid remote, EvtchnConsumer notify) {
    if (!domain_vcpu(local, vcpu)) return Errno::no_ent;
    return alloc_unbound(local, vcpu, remote, TRY(evtchn_consumer_slot(notify)));
}

void evtchn_free_xen(Domain& local, Port port) { static_cast<void>(evtchn_close(local, port, false)); }

Status evtchn_bind_interdomain(evtchn_bind_interdomain_t& op) {
    Domain& local = *current().domain;
    DomainRef remote = TRY(DomainRef::find_any(Domid{op.remote_dom}));
    const DoubleGuard guard(local.evtchn->bind_lock, remote->evtchn->bind_lock);
    Channel& near = *TRY(evtchn_alloc_port(local));
    Channel* far = remote->evtchn->find(Port{op.remote_port});
    if (!far || far == &near || far->state() != PortState::unbound || far->allowed() != local.id ||
        remote->dying.load() != Domain::Dying::no) {
        near.set_free();
        local.evtchn->first_free =
            near.port().raw() < local.evtchn->first_free ? near.port().raw() : local.evtchn->first_free;
        return Errno::inval;
    }
    const DoubleGuard ports(near.lock, far->lock);
    near.set_interdomain(remote.release(), far->port());
    far->set_interdomain(DomainRef::share(local).release(), near.port());
    // The far end may have sent while nobody listened; the new end looks once.
    evtchn_set_pending(local, near);
    op.local_port = near.port().raw();
    return {};
}

Result<Port> evtchn_bind_virq(Domain& domain, u32 virq, u32 vcpu_id) {
    if (virq >= NR_VIRQS || (evtchn_virq_is_global(virq) && vcpu_id != 0)) return Errno::inval;
    Vcpu* vcpu = domain_vcpu(domain, vcpu_id);
    if (!vcpu) return Errno::no_ent;
    const Guard guard(domain.evtchn->bind_lock);
    if (vcpu->virq_port[virq] != Port{}) return Errno::exist;
    Channel& channel = *TRY(evtchn_alloc_port(domain));
    {
        const Guard port_guard(channel.lock);
        channel.set_virq(virq);
        channel.vcpu = static_cast<u16>(vcpu_id);
    }
    const IrqGuard virq_guard(vcpu->virq_lock);
    vcpu->virq_port[virq] = channel.port();
    return channel.port();
}

Result<Port> evtchn_bind_ipi(Domain& domain, u32 vcpu_id) {
    if (!domain_vcpu(domain, vcpu_id)) return Errno::no_ent;
    const Guard guard(domain.evtchn->bind_lock);
    Channel& channel = *TRY(evtchn_alloc_port(domain));
    const Guard port_guard(channel.lock);
    channel.set_ipi();
    channel.vcpu = static_cast<u16>(vcpu_id);
    return channel.port();
}

Status evtchn_bind_pirq(evtchn_bind_pirq_t& op) {
    Domain& domain = *current().domain;
    if (!pirq_valid(domain, op.pirq)) return Errno::inval;
    if (!domain.is_hvm && !domain.irqs_allowed.contains(op.pirq)) return Errno::perm;
    EvtchnDomain& table = *domain.evtchn;
    const Guard guard(table.bind_lock);
    for (u32 port = 1; table.pirq_ports && port < table.valid_ports.load(); ++port)
        if (table.at(port).state() == PortState::pirq && table.at(port).pirq() == op.pirq) return Errno::exist;
    Channel& channel = *TRY(evtchn_alloc_port(domain));
    {
        const Guard port_guard(channel.lock);
        channel.set_pirq(op.pirq);
    }
    const Status status = pirq_bind(*domain.vcpus[0], op.pirq, channel.port(), (op.flags & BIND_PIRQ__WILL_SHARE) != 0);
    if (!status.ok()) {
        const Guard port_guard(channel.lock);
        evtchn_free_port(domain, channel);
        return status.error();
    }
    ++table.pirq_ports;
    op.port = channel.port().raw();
    return {};
}

Status evtchn_bind_vcpu(const evtchn_bind_vcpu_t& op) {
    Domain& domain = *current().domain;
    Vcpu* vcpu = domain_vcpu(domain, op.vcpu);
    if (!vcpu) return Errno::no_ent;
    const Guard guard(domain.evtchn->bind_lock);
    Channel* channel = domain.evtchn->find(Port{op.port});
    if (!channel || channel->consumer) return Errno::inval;
    {
        const Guard port_guard(channel->lock);
        switch (channel->state()) {
        case PortState::virq:
            if (!evtchn_virq_is_global(channel->virq())) return Errno::inval;
            break;
        case PortState::unbound:
        case PortState::interdomain:
        case PortState::pirq: break;
        default: return Errno::inval;
        }
        channel->vcpu = static_cast<u16>(op.vcpu);
    }
    if (channel->state() == PortState::pirq) pirq_set_affinity(domain, channel->pirq(), *vcpu);
    return {};
}

Status evtchn_set_priority(const evtchn_set_priority_t& op) {
    Domain& domain = *current().domain;
    const Guard guard(domain.evtchn->bind_lock);
    Channel* channel = domain.evtchn->find(Port{op.port});
    if (!channel) return Errno::inval;
    if (!domain.evtchn->fifo) return Errno::nosys;
    if (op.priority > EVTCHN_FIFO_PRIORITY_MIN) return Errno::inval;
    const Guard port_guard(channel->lock);
    if (channel->state() == PortState::free) return Errno::inval;
    channel->fifo.priority = static_cast<u8>(op.priority);
    return {};
}

Status evtchn_status(evtchn_status_t& op) {
    const DomainRef domain = TRY(DomainRef::find_target(Domid{op.dom}));
    Channel* channel = domain->evtchn->find(Port{op.port});
    if (!channel) return Errno::inval;
    const Guard guard(channel->lock);
    op.u = {};
    op.vcpu = channel->vcpu;
    switch (channel->consumer ? PortState::free : channel->state()) {
    case PortState::free:
    case PortState::reserved: op.status = EVTCHNSTAT_closed; break;
    case PortState::unbound:
        op.status = EVTCHNSTAT_unbound;
        op.u.unbound.dom = channel->allowed().raw();
        break;
    case PortState::interdomain:
        op.status = EVTCHNSTAT_interdomain;
        op.u.interdomain = {channel->remote().id.raw(), channel->remote_port().raw()};
        break;
    case PortState::pirq:
        op.status = EVTCHNSTAT_pirq;
        op.u.pirq = channel->pirq();
        break;
    case PortState::virq:
        op.status = EVTCHNSTAT_virq;
        op.u.virq = channel->virq();
        break;
    case PortState::ipi: op.status = EVTCHNSTAT_ipi; break;
    }
    return {};
}

} // namespace hv
