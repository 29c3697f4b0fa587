// SPDX-License-Identifier: MIT
// EVTCHNOP_reset takes the FIFO pages away while another vCPU binds ports and sends on them. Hypothesis: the reset
// waits its turn (-EAGAIN) or every port is gone; nobody writes through pages that were given up.
// The reset closes the console's port as well, so as a guest of dom0 this test has nothing to report with: it passes
// at once there, and is run as dom0. Option: rounds=N.
#include "rt/rt.hpp"

using namespace rt;

namespace {

volatile bool done, ended;

void sender() {
    while (!done) {
        evtchn_bind_ipi_t ipi = {1, 0};
        if (event_op(EVTCHNOP_bind_ipi, ipi) < 0) continue;
        evtchn_send_t send = {ipi.port};
        evtchn_unmask_t unmask = {ipi.port};
        for (int i = 0; i < 8; ++i) {
            event_op(EVTCHNOP_send, send);
            event_op(EVTCHNOP_unmask, unmask);
        }
        evtchn_port_t ports[] = {0, ipi.port};
        sched_poll_t poll = {};
        set_xen_guest_handle(poll.ports, ports);
        poll.nr_ports = 2, poll.timeout = 1;
        sched_op(SCHEDOP_poll, poll);
        evtchn_close_t close = {ipi.port};
        event_op(EVTCHNOP_close, close);
    }
    ended = true;
}

} // namespace

void run_test() {
    if (!privileged()) return;
    u8* control = alloc_page();
    u8* array = alloc_page();
    start_secondary(sender);
    u64 resets = 0, refusals = 0;
    for (u64 i = 0; i < option("rounds", 60); ++i) {
        for (u32 vcpu = 0; vcpu < 2; ++vcpu) {
            evtchn_init_control_t init = {};
            init.control_gfn = mfn_of(control), init.offset = vcpu * 512, init.vcpu = vcpu;
            event_op(EVTCHNOP_init_control, init);
        }
        evtchn_expand_array_t expand = {mfn_of(array)};
        event_op(EVTCHNOP_expand_array, expand);
        evtchn_reset_t reset = {DOMID_SELF};
        (event_op(EVTCHNOP_reset, reset) < 0 ? refusals : resets) += 1;
    }
    done = true;
    while (!ended)
        hypercall(__HYPERVISOR_sched_op, SCHEDOP_yield);
    evtchn_reset_t reset = {DOMID_SELF};
    accepted(event_op(EVTCHNOP_reset, reset), "the last reset");
    printf("reset: %u done, %u told to come again\r\n", resets, refusals);
    // The pages are ours alone again: a page table may be made of them.
    for (u8* page : {control, array}) {
        for (unsigned i = 0; i < page_size; ++i)
            page[i] = 0;
        accepted(update_va(address(page), make_pte(mfn_of(page), pte_ro), UVMF_TLB_FLUSH | UVMF_ALL), "read-only");
        struct mmuext_op pin = {};
        pin.cmd = MMUEXT_PIN_L1_TABLE;
        pin.arg1.mfn = mfn_of(page);
        accepted(mmuext(pin), "a page of the FIFO is still held");
    }
}
