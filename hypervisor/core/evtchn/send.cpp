// SPDX-License-Identifier: MIT
// Raising events: from EVTCHNOP_send to the bits that the receiving guest sees.
#include "core/evtchn/channel.hpp"
#include "core/evtchn/two_level.hpp"

namespace hv {

/// SCHEDOP_poll: wakes vCPUs that wait for this port.
static void wake_pollers(Domain& domain, Port port) {
    for_each_vcpu(domain, [port](Vcpu& vcpu) {
        s32 waits = vcpu.poll_port.load(Order::relaxed);
        if (waits != 0 && (waits < 0 || static_cast<u32>(waits) == port.raw()) &&
            vcpu.poll_port.compare_exchange(waits, 0))
            vcpu_unblock(vcpu);
    });
}

static void fifo_raise(Domain& domain, Channel& channel, u32& word) {
    Vcpu& vcpu = *domain.vcpus[channel.vcpu];
    EvtchnVcpu* fifo = vcpu.evtchn;
    if (!fifo || !fifo->control) return; // the guest bound a port to a vCPU whose control block it has not set up
    const u32 priority = channel.fifo.priority;
    const auto queue = [&domain](u32 id) -> FifoQueue& { return domain.vcpus[id >> 8]->evtchn->queue[id & 0xff]; };
    const auto word_of = [&domain](u32 port) { return domain.evtchn->fifo->word(port); };
    if (fifo_append(channel.fifo, channel.port().raw(), word, (u32{channel.vcpu} << 8) | priority,
                    fifo->control->head[priority], queue, word_of) == FifoLink::first &&
        !test_and_set_bit(priority, &fifo->control->ready))
        vcpu_mark_events_pending(vcpu);
}

void evtchn_set_pending(Domain& domain, Channel& channel) {
    const u32 port = channel.port().raw();
    if (FifoArray* fifo = domain.evtchn->fifo) {
        u32* word = fifo->word(port);
        if (!word) {
            channel.fifo.pending_early = true;
            return;
        }
        const bool was_pending = test_and_set_bit(EVTCHN_FIFO_PENDING, word);
        if (!(read_once(*word) & (fifo_linked | (u32{1} << EVTCHN_FIFO_MASKED)))) fifo_raise(domain, channel, *word);
        if (!was_pending) wake_pollers(domain, channel.port());
        return;
    }
    Vcpu& vcpu = *domain.vcpus[channel.vcpu];
    const auto effect = TwoLevel{*domain.shared_info}.raise(port, *vcpu.info);
    if (effect == TwoLevel::Effect::upcall) vcpu_mark_events_pending(vcpu);
    if (effect != TwoLevel::Effect::none) wake_pollers(domain, channel.port());
}

static bool fifo_bit(Domain& domain, const Channel& channel, unsigned bit) {
    const u32* word = domain.evtchn->fifo->word(channel.port().raw());
    return word && test_bit(bit, word);
}

void evtchn_clear_pending(Domain& domain, Channel& channel) {
    channel.fifo.pending_early = false;
    if (!domain.evtchn->fifo)
        TwoLevel{*domain.shared_info}.clear(channel.port().raw());
    else if (u32* word = domain.evtchn->fifo->word(channel.port().raw()))
        test_and_clear_bit(EVTCHN_FIFO_PENDING, word);
}

bool evtchn_is_pending(Domain& domain, const Channel& channel) {
    return domain.evtchn->fifo ? fifo_bit(domain, channel, EVTCHN_FIFO_PENDING)
                               : TwoLevel{*domain.shared_info}.pending(channel.port().raw());
}

bool evtchn_is_masked(Domain& domain, const Channel& channel) {
    const FifoArray* fifo = domain.evtchn->fifo;
    if (!fifo) return TwoLevel{*domain.shared_info}.masked(channel.port().raw());
    return channel.port().raw() >= fifo->words_count.load() || fifo_bit(domain, channel, EVTCHN_FIFO_MASKED);
}

bool evtchn_is_busy(Domain& domain, const Channel& channel) {
    return domain.evtchn->fifo && fifo_bit(domain, channel, EVTCHN_FIFO_LINKED);
}

static EvtchnConsumer consumers[8]; // entries are only ever added

Result<u8> evtchn_consumer_slot(EvtchnConsumer notify) {
    for (u8 i = 0; i < 8; ++i) {
        EvtchnConsumer none = nullptr;
        if (reinterpret_cast<Atomic<EvtchnConsumer>&>(consumers[i]).compare_exchange(none, notify) || none == notify)
            return static_cast<u8>(i + 1);
    }
    return Errno::no_spc;
}

/// Raises the far end of an interdomain channel whose near end is locked.
static void raise_remote(const Channel& near) {
    Domain& remote = near.remote();
    Channel& far = remote.evtchn->at(near.remote_port().raw());
    if (far.consumer)
        consumers[far.consumer - 1](*remote.vcpus[far.vcpu], far.port());
    else
        evtchn_set_pending(remote, far);
}

Status evtchn_send(Domain& local, Port port) {
    Channel* channel = local.evtchn->find(port);
    if (!channel) return Errno::inval;
    const Guard guard(channel->lock);
    if (channel->consumer) return Errno::inval;
    switch (channel->state()) {
    case PortState::interdomain: raise_remote(*channel); return {};
    case PortState::ipi: evtchn_set_pending(local, *channel); return {};
    case PortState::unbound: // the far end has gone or has not come yet: not the sender's fault
        return {};
    default: return Errno::inval;
    }
}

void evtchn_notify_xen(Domain& local, Port port) {
    Channel* channel = local.evtchn->find(port);
    if (!channel) return;
    const Guard guard(channel->lock);
    if (channel->consumer && channel->state() == PortState::interdomain) raise_remote(*channel);
}

bool evtchn_send_pirq(Domain& domain, Port port) {
    Channel* channel = domain.evtchn->find(port);
    if (!channel || channel->state() != PortState::pirq) return false;
    evtchn_set_pending(domain, *channel);
    return true;
}

void evtchn_unmask(Domain& domain, Port port) {
    Channel* channel = domain.evtchn->find(port);
    if (!channel) return;
    const Guard guard(channel->lock);
    if (!channel->bound()) return;
    if (FifoArray* fifo = domain.evtchn->fifo) {
        if (u32* word = fifo->word(port.raw())) {
            test_and_clear_bit(EVTCHN_FIFO_MASKED, word);
            if (test_bit(EVTCHN_FIFO_PENDING, word)) evtchn_set_pending(domain, *channel);
        }
        return;
    }
    Vcpu& vcpu = *domain.vcpus[channel->vcpu];
    if (TwoLevel{*domain.shared_info}.unmask(port.raw(), *vcpu.info) == TwoLevel::Effect::upcall)
        vcpu_mark_events_pending(vcpu);
}

bool evtchn_port_valid(Domain& domain, Port port) { return domain.evtchn->find(port) != nullptr; }

bool evtchn_port_pending(Domain& domain, Port port) {
    Channel* channel = domain.evtchn->find(port);
    if (!channel) return false;
    const Guard guard(channel->lock);
    return channel->bound() && evtchn_is_pending(domain, *channel);
}

} // namespace hv
