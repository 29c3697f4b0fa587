// SPDX-License-Identifier: MIT
// A domain's table of channels: grows by buckets, never shrinks while the domain lives (senders look it up unlocked).
#include "core/evtchn/channel.hpp"

namespace hv {

static Status grow(EvtchnDomain& table) {
    const u32 port = table.valid_ports.load(Order::relaxed);
    Channel**& group = table.groups[port / (EvtchnDomain::bucket_ports * EvtchnDomain::group_buckets)];
    if (!group) group = static_cast<Channel**>(kmalloc(EvtchnDomain::group_buckets * sizeof(void*)));
    void* memory = group ? kmalloc(EvtchnDomain::bucket_ports * sizeof(Channel)) : nullptr;
    if (!memory) return Errno::no_mem;
    auto* bucket = static_cast<Channel*>(memory);
    for (u32 i = 0; i < EvtchnDomain::bucket_ports; ++i)
        ::new (&bucket[i]) Channel, bucket[i].init(port + i);
    if (port == 0) bucket[0].set_reserved();
    group[port / EvtchnDomain::bucket_ports % EvtchnDomain::group_buckets] = bucket;
    table.valid_ports.store(port + EvtchnDomain::bucket_ports, Order::release);
    return {};
}

Status evtchn_alloc_port_at(Domain& domain, u32 port) {
    EvtchnDomain& table = *domain.evtchn;
    if (domain.dying.load() != Domain::Dying::no) return Errno::inval;
    if (port > table.max_port || port >= table.abi_ports()) return Errno::no_spc;
    while (port >= table.valid_ports.load(Order::relaxed))
        TRY(grow(table));
    return {};
}

Result<Channel*> evtchn_alloc_port(Domain& domain) {
    EvtchnDomain& table = *domain.evtchn;
    bool all_used = true;
    for (u32 port = table.first_free;; ++port) {
        TRY(evtchn_alloc_port_at(domain, port));
        Channel& channel = table.at(port);
        if (channel.state() != PortState::free) continue;
        // A closed port that is still on a queue of the guest would be delivered as the new channel's event.
        if (evtchn_is_busy(domain, channel)) {
            all_used = false;
            continue;
        }
        if (all_used) table.first_free = port + 1;
        const Guard guard(channel.lock);
        channel.set_reserved();
        channel.vcpu = 0;
        channel.consumer = 0;
        channel.fifo.priority = EVTCHN_FIFO_PRIORITY_DEFAULT;
        return &channel;
    }
}

void evtchn_free_port(Domain& domain, Channel& channel) {
    evtchn_clear_pending(domain, channel); // the next user of the port starts clean
    channel.set_free();
    channel.vcpu = 0;
    channel.consumer = 0;
    EvtchnDomain& table = *domain.evtchn;
    if (channel.port().raw() < table.first_free) table.first_free = channel.port().raw();
}

Status evtchn_domain_create(Domain& domain, u32 max_port) {
    auto* table = make<EvtchnDomain>();
    if (!table) return Errno::no_mem;
    table->max_port = max_port < EVTCHN_FIFO_NR_CHANNELS - 1 ? max_port : EVTCHN_FIFO_NR_CHANNELS - 1;
    domain.evtchn = table;
    if (Status status = grow(*table); !status.ok()) {
        evtchn_domain_destroy(domain);
        return status.error();
    }
    return {};
}

void evtchn_domain_destroy(Domain& domain) {
    if (!domain.evtchn) return;
    evtchn_fifo_destroy(domain);
    for (Channel** group : domain.evtchn->groups) {
        if (!group) continue;
        for (u32 i = 0; i < EvtchnDomain::group_buckets; ++i)
            kfree(group[i]);
        kfree(group);
    }
    destroy(domain.evtchn);
    domain.evtchn = nullptr;
}

} // namespace hv
