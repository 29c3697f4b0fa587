// SPDX-License-Identifier: MIT
// Ports and vCPU numbers out of range, ports used twice or by the wrong end, FIFO pages that are not ours or lie.
// Hypothesis (xen/event_channel.h): refused; and what the guest scribbles into its own pages hurts only its events.
#include "rt/rt.hpp"

using namespace rt;

namespace {

const u32 bad_ports[] = {4096, 65535, 131071, 131072, 0x7fffffff, ~u32{0}};

u32 alloc(u16 remote = DOMID_SELF) {
    evtchn_alloc_unbound_t op = {DOMID_SELF, remote, 0};
    return event_op(EVTCHNOP_alloc_unbound, op) < 0 ? 0 : op.port;
}
s64 close(u32 port) {
    evtchn_close_t op = {port};
    return event_op(EVTCHNOP_close, op);
}
s64 send(u32 port) {
    evtchn_send_t op = {port};
    return event_op(EVTCHNOP_send, op);
}

void ports() {
    for (const u32 port : bad_ports) {
        refused(send(port), "send", port);
        refused(close(port), "close", port);
        evtchn_unmask_t unmask = {port};
        refused(event_op(EVTCHNOP_unmask, unmask), "unmask", port);
        evtchn_status_t status = {DOMID_SELF, port, 0, 0, {}};
        refused(event_op(EVTCHNOP_status, status), "status", port);
        evtchn_bind_vcpu_t vcpu = {port, 0};
        refused(event_op(EVTCHNOP_bind_vcpu, vcpu), "bind_vcpu", port);
        evtchn_bind_interdomain_t inter = {DOMID_SELF, port, 0};
        refused(event_op(EVTCHNOP_bind_interdomain, inter), "bind_interdomain", port);
    }
    refused(close(0), "close of port 0");
    const u32 port = alloc();
    expect(port != 0, "alloc_unbound");
    accepted(close(port), "close");
    refused(close(port), "second close");
    refused(send(port), "send on a closed port");
}

void vcpus() {
    const u32 port = alloc();
    for (const u32 vcpu : {u32{4}, u32{128}, u32{8192}, ~u32{0}}) {
        evtchn_bind_vcpu_t bind = {port, vcpu};
        refused(event_op(EVTCHNOP_bind_vcpu, bind), "bind_vcpu to no vCPU", vcpu);
        evtchn_bind_ipi_t ipi = {vcpu, 0};
        refused(event_op(EVTCHNOP_bind_ipi, ipi), "bind_ipi to no vCPU", vcpu);
        evtchn_bind_virq_t virq = {VIRQ_DEBUG, vcpu, 0};
        refused(event_op(EVTCHNOP_bind_virq, virq), "bind_virq to no vCPU", vcpu);
    }
    accepted(close(port), "close");
    for (const u32 number : {u32{24}, u32{100}, ~u32{0}}) {
        evtchn_bind_virq_t virq = {number, 0, 0};
        refused(event_op(EVTCHNOP_bind_virq, virq), "bind_virq of no VIRQ", number);
    }
    evtchn_bind_virq_t virq = {VIRQ_DEBUG, 0, 0};
    accepted(event_op(EVTCHNOP_bind_virq, virq), "bind_virq");
    evtchn_bind_virq_t again = {VIRQ_DEBUG, 0, 0};
    refused(event_op(EVTCHNOP_bind_virq, again), "bind_virq twice");
    evtchn_bind_vcpu_t bind = {virq.port, 0};
    refused(event_op(EVTCHNOP_bind_vcpu, bind), "moving a per-vCPU VIRQ");
    accepted(close(virq.port), "close of the VIRQ");
}

void both_ends() {
    const u16 self = own_domid();
    const u32 mine = alloc(self);
    for (const u16 domid : {u16{1000}, u16{0x7ff1}, u16{0x7ff2}, u16{0x7fff}, u16{0xffff}}) {
        evtchn_bind_interdomain_t inter = {domid, mine, 0};
        refused(event_op(EVTCHNOP_bind_interdomain, inter), "bind_interdomain to no domain", domid);
    }
    const u32 others = alloc(u16{1000});
    evtchn_bind_interdomain_t inter = {self, others, 0};
    refused(event_op(EVTCHNOP_bind_interdomain, inter), "a port that is for somebody else");
    inter = {self, mine, 0};
    accepted(event_op(EVTCHNOP_bind_interdomain, inter), "binding our own port");
    evtchn_bind_interdomain_t again = {self, mine, 0};
    refused(event_op(EVTCHNOP_bind_interdomain, again), "binding it twice");
    accepted(send(inter.local_port), "send");
    expect((shared->evtchn_pending[mine / 64] >> (mine % 64) & 1) != 0, "no event arrived");
    accepted(close(mine), "close of the far end");
    accepted(send(inter.local_port), "send to an end that is gone is nothing");
    accepted(close(inter.local_port), "close of the near end");
    accepted(close(others), "close of the unbound port");
    if (!privileged()) {
        evtchn_bind_pirq_t pirq = {1, 0, 0};
        refused(event_op(EVTCHNOP_bind_pirq, pirq), "an interrupt of the machine");
        evtchn_alloc_unbound_t foreign = {0, DOMID_SELF, 0};
        refused(event_op(EVTCHNOP_alloc_unbound, foreign), "a port of dom0's");
        evtchn_reset_t reset = {0};
        refused(event_op(EVTCHNOP_reset, reset), "resetting dom0");
        evtchn_status_t status = {0, 1, 0, 0, {}};
        refused(event_op(EVTCHNOP_status, status), "dom0's ports");
    }
}

void exhaustion() {
    u32 first = 0, last = 0, count = 0;
    while (const u32 port = alloc()) {
        first = first ? first : port;
        last = port;
        expect(++count < 131072, "ports have no end");
    }
    expect(last < 4096, "a port that the 2-level ABI cannot name", last);
    for (u32 port = first; port <= last; ++port)
        close(port);
    expect(alloc() == first, "ports do not come back");
    close(first);
}

void fifo() {
    u8* control = alloc_page();
    u8* array = alloc_page();
    const auto init = [&](u64 gfn, u32 offset, u32 vcpu) {
        evtchn_init_control_t op = {};
        op.control_gfn = gfn, op.offset = offset, op.vcpu = vcpu;
        return event_op(EVTCHNOP_init_control, op);
    };
    const auto expand = [](u64 gfn) {
        evtchn_expand_array_t op = {gfn};
        return event_op(EVTCHNOP_expand_array, op);
    };
    refused(expand(mfn_of(array)), "expand_array before init_control");
    refused(init(foreign_mfn(), 0, 0), "a foreign control block");
    refused(init(pte_address(address(control)) / page_size, 0, 0), "a page table as control block");
    refused(init(~u64{0} >> 12, 0, 0), "no frame as control block");
    for (const u32 offset : {u32{4}, u32{1}, u32{4096 - 64}, u32{4096}, ~u32{0} - 7})
        refused(init(mfn_of(control), offset, 0), "a control block that does not fit", offset);
    refused(init(mfn_of(control), 0, 999), "a control block for no vCPU");
    accepted(init(mfn_of(control), 64, 0), "init_control");
    refused(init(mfn_of(control), 64, 0), "init_control twice");
    refused(expand(foreign_mfn()), "a foreign event array");
    refused(expand(pte_address(address(array)) / page_size), "a page table as event array");
    accepted(expand(mfn_of(array)), "expand_array");

    evtchn_bind_ipi_t ipi = {0, 0};
    accepted(event_op(EVTCHNOP_bind_ipi, ipi), "bind_ipi");
    evtchn_set_priority_t priority = {ipi.port, 16};
    refused(event_op(EVTCHNOP_set_priority, priority), "priority 16");
    priority = {131071, 1};
    refused(event_op(EVTCHNOP_set_priority, priority), "priority of no port");
    auto* words = reinterpret_cast<volatile u32*>(array);
    words[ipi.port] = 0;
    accepted(send(ipi.port), "send");
    expect((words[ipi.port] >> EVTCHN_FIFO_PENDING & 1) != 0, "no event arrived by the FIFO");
    // Now lie: random words, heads and ready bits, while events are sent.
    evtchn_bind_ipi_t second = {0, 0};
    accepted(event_op(EVTCHNOP_bind_ipi, second), "bind_ipi");
    Random rng{12345};
    auto* heads = reinterpret_cast<volatile u32*>(control + 64);
    for (int i = 0; i < 20000; ++i) {
        words[rng.below(1024)] = static_cast<u32>(rng.next());
        heads[rng.below(18)] = static_cast<u32>(rng.next());
        priority = {i & 1 ? ipi.port : second.port, static_cast<u32>(rng.below(16))};
        event_op(EVTCHNOP_set_priority, priority);
        accepted(send(i & 2 ? ipi.port : second.port), "send with a corrupt array");
        evtchn_unmask_t unmask = {ipi.port};
        accepted(event_op(EVTCHNOP_unmask, unmask), "unmask with a corrupt array");
    }
    accepted(update_va(address(array), 0), "taking away our view of the array");
    accepted(send(ipi.port), "send when we no longer map the array");
}

} // namespace

void run_test() {
    ports();
    vcpus();
    both_ends();
    exhaustion();
    fifo();
}
