// SPDX-License-Identifier: MIT
// Setting up the FIFO event ABI: EVTCHNOP_init_control and EVTCHNOP_expand_array.
#include "core/evtchn/channel.hpp"
#include "core/evtchn/two_level.hpp"

namespace hv {

static Status alloc_queues(Domain& domain) {
    for (VcpuId id = 0; id < domain.max_vcpus; ++id)
        if (Vcpu* vcpu = domain.vcpus[id]; vcpu && !vcpu->evtchn && !(vcpu->evtchn = make<EvtchnVcpu>()))
            return Errno::no_mem;
    return {};
}

static Status map_control(Vcpu& vcpu, Mfn mfn, u32 offset) {
    EvtchnVcpu& fifo = *vcpu.evtchn;
    if (fifo.control) return Errno::inval;
    fifo.page = TRY(TypedPageRef::take(mfn, *vcpu.domain, PageType::writable));
    fifo.control = reinterpret_cast<evtchn_fifo_control_block_t*>(map_as<u8>(mfn) + offset);
    return {};
}

/// The domain leaves the 2-level ABI: what is pending there is raised again once its word exists.
static void switch_to_fifo(Domain& domain, FifoArray* array) {
    EvtchnDomain& table = *domain.evtchn;
    table.fifo = array;
    for (u32 port = 1; port < table.valid_ports.load(); ++port) {
        Channel& channel = table.at(port);
        const Guard guard(channel.lock);
        channel.fifo.priority = EVTCHN_FIFO_PRIORITY_DEFAULT;
        if (port < EVTCHN_2L_NR_CHANNELS && channel.state() != PortState::free &&
            TwoLevel{*domain.shared_info}.pending(port))
            channel.fifo.pending_early = true;
    }
}

Status evtchn_fifo_init_control(evtchn_init_control_t& op) {
    Domain& domain = *current().domain;
    Vcpu* vcpu = domain_vcpu(domain, op.vcpu);
    if (!vcpu) return Errno::no_ent;
    if (op.offset > page_size - sizeof(evtchn_fifo_control_block_t) || op.offset % 8) return Errno::inval;
    op.link_bits = EVTCHN_FIFO_LINK_BITS;
    const Guard guard(domain.evtchn->bind_lock);
    TRY(alloc_queues(domain));
    FifoArray* array = domain.evtchn->fifo ? nullptr : make<FifoArray>();
    if (!array && !domain.evtchn->fifo) return Errno::no_mem;
    const Status status = map_control(*vcpu, Mfn{op.control_gfn}, op.offset);
    if (!status.ok())
        destroy(array);
    else if (array)
        switch_to_fifo(domain, array);
    return status;
}

Status evtchn_fifo_expand(const evtchn_expand_array_t& op) {
    Domain& domain = *current().domain;
    EvtchnDomain& table = *domain.evtchn;
    const Guard guard(table.bind_lock);
    FifoArray* array = table.fifo;
    if (!array) return Errno::opnotsupp;
    const u32 first = array->words_count.load();
    const u32 slot = first / FifoArray::words_per_page;
    if (slot >= FifoArray::max_pages) return Errno::no_spc;
    array->pages[slot] = TRY(TypedPageRef::take(Mfn{op.array_gfn}, domain, PageType::writable));
    array->words[slot] = map_as<u32>(Mfn{op.array_gfn});
    array->words_count.store(first + FifoArray::words_per_page, Order::release);
    for (u32 port = first; port < first + FifoArray::words_per_page && port < table.valid_ports.load(); ++port) {
        Channel& channel = table.at(port);
        const Guard port_guard(channel.lock);
        if (!channel.fifo.pending_early) continue;
        channel.fifo.pending_early = false;
        if (channel.bound()) evtchn_set_pending(domain, channel);
    }
    return {};
}

void evtchn_fifo_destroy(Domain& domain) {
    if (domain.evtchn) {
        destroy(domain.evtchn->fifo);
        domain.evtchn->fifo = nullptr;
    }
    for_each_vcpu(domain, evtchn_vcpu_destroy);
}

Status evtchn_vcpu_create(Vcpu& vcpu) {
    if (!vcpu.domain->evtchn || !vcpu.domain->evtchn->fifo) return {};
    vcpu.evtchn = make<EvtchnVcpu>();
    return vcpu.evtchn ? Status{} : Status{Errno::no_mem};
}

void evtchn_vcpu_destroy(Vcpu& vcpu) {
    destroy(vcpu.evtchn);
    vcpu.evtchn = nullptr;
}

} // namespace hv
