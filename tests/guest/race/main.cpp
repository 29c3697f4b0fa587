// SPDX-License-Identifier: MIT
// Two vCPUs fight over one page, one entry, one grant, one port. Hypothesis: whoever loses is refused; no page is both
// a table and writable, nothing is released twice, and at the end every page can be given back.
// Option: rounds=N.
#include "rt/rt.hpp"

using namespace rt;

namespace {

volatile u32 phase; // which duel the second vCPU fights; 0: none
volatile u32 idle;  // it waits
u8 *page, *window, *left, *right;
u64 page_mfn;
volatile grant_entry_v1_t* grants;
u16 self;
volatile u32 handle, unmapped_by_other;
volatile u32 port;

s64 pin(u32 cmd) {
    struct mmuext_op op = {};
    op.cmd = cmd;
    op.arg1.mfn = page_mfn;
    return mmuext(op);
}

void other() {
    for (u64 i = 0;; ++i) {
        switch (phase) {
        case 0:
            idle = 1;
            hypercall(__HYPERVISOR_sched_op, SCHEDOP_yield);
            break;
        case 1: // maps the page writable and away again
            update_va(address(window), make_pte(page_mfn, pte_kernel), 0);
            update_va(address(window), 0, UVMF_TLB_FLUSH | UVMF_ALL);
            break;
        case 2: // the same entry, another frame
            update_va(address(window), make_pte(mfn_of(left), pte_kernel), 0);
            break;
        case 3: {
            gnttab_unmap_grant_ref_t op = {};
            op.host_addr = address(window);
            op.handle = handle;
            if (grant_op(GNTTABOP_unmap_grant_ref, &op) >= 0 && op.status == GNTST_okay)
                unmapped_by_other = unmapped_by_other + 1;
            break;
        }
        case 4: {
            evtchn_close_t close = {port};
            event_op(EVTCHNOP_close, close);
            break;
        }
        default: return;
        }
    }
}

void stop() {
    phase = 0;
    idle = 0;
    while (!idle)
        hypercall(__HYPERVISOR_sched_op, SCHEDOP_yield);
    idle = 0;
    while (!idle)
        hypercall(__HYPERVISOR_sched_op, SCHEDOP_yield);
}

void table_against_mapping(u64 rounds) {
    accepted(update_va(address(page), make_pte(page_mfn, pte_ro)), "read-only");
    phase = 1;
    u64 pinned = 0;
    const u64 evil = make_pte(foreign_mfn(), pte_kernel);
    for (u64 i = 0; i < rounds; ++i) {
        if (pin(MMUEXT_PIN_L1_TABLE) < 0) continue;
        ++pinned;
        for (int j = 0; j < 8; ++j)
            try_write(window, evil);
        expect(*reinterpret_cast<volatile u64*>(page) != evil, "a page table was written through a mapping");
        accepted(pin(MMUEXT_UNPIN_TABLE), "unpin");
    }
    stop();
    update_va(address(window), 0, UVMF_TLB_FLUSH | UVMF_ALL);
    accepted(update_va(address(page), make_pte(page_mfn, pte_kernel)), "writable again");
    *reinterpret_cast<u64*>(page) = 0;
    printf("race: pinned %u of %u times\r\n", pinned, rounds);
}

void one_entry(u64 rounds) {
    phase = 2;
    for (u64 i = 0; i < rounds; ++i)
        update_va(address(window), make_pte(mfn_of(right), pte_kernel), 0);
    stop();
    accepted(update_va(address(window), 0, UVMF_TLB_FLUSH | UVMF_ALL), "clearing the entry");
}

void one_grant(u64 rounds) {
    grants[40].domid = self;
    grants[40].frame = static_cast<u32>(page_mfn);
    asm volatile("" ::: "memory");
    grants[40].flags = GTF_permit_access;
    handle = ~0U;
    phase = 3;
    u64 mapped = 0, unmapped = 0;
    for (u64 i = 0; i < rounds; ++i) {
        gnttab_map_grant_ref_t map = {};
        map.host_addr = address(window);
        map.flags = GNTMAP_host_map;
        map.ref = 40;
        map.dom = self;
        accepted(grant_op(GNTTABOP_map_grant_ref, &map), "map");
        if (map.status != GNTST_okay) continue;
        ++mapped;
        handle = map.handle;
        // Until the handle is dead: then neither side is still at work on the address.
        for (s64 status = GNTST_okay; status != GNTST_bad_handle;) {
            gnttab_unmap_grant_ref_t op = {};
            op.host_addr = address(window);
            op.handle = map.handle;
            accepted(grant_op(GNTTABOP_unmap_grant_ref, &op), "unmap");
            status = op.status;
            expect(status == GNTST_okay || status == GNTST_bad_handle, "unmap", status);
        }
        ++unmapped;
    }
    stop();
    printf("race: mapped %u, unmapped %u; %u answers there\r\n", mapped, unmapped, u64{unmapped_by_other});
    expect(mapped == unmapped && mapped == rounds, "maps and unmaps differ", static_cast<s64>(mapped));
    expect((grants[40].flags & (GTF_reading | GTF_writing)) == 0, "the grant is still in use", grants[40].flags);
}

void one_port(u64 rounds) {
    phase = 4;
    for (u64 i = 0; i < rounds; ++i) {
        evtchn_bind_ipi_t ipi = {0, 0};
        if (event_op(EVTCHNOP_bind_ipi, ipi) < 0) continue;
        port = ipi.port;
        evtchn_send_t send = {ipi.port};
        event_op(EVTCHNOP_send, send);
        evtchn_close_t close = {ipi.port};
        event_op(EVTCHNOP_close, close);
    }
    stop();
}

void setup_grants() {
    gnttab_setup_table_t op = {};
    xen_pfn_t frame = 0;
    op.dom = DOMID_SELF;
    op.nr_frames = 1;
    set_xen_guest_handle(op.frame_list, &frame);
    accepted(grant_op(GNTTABOP_setup_table, &op), "setup_table");
    u8* at = alloc_page();
    accepted(update_va(address(at), make_pte(frame, pte_kernel)), "mapping the grant table");
    grants = reinterpret_cast<grant_entry_v1_t*>(at);
}

/// Nothing may hold a page that we gave up everywhere.
void give_back(u8* which, const char* what) {
    const auto reservation = [] {
        struct xen_memory_domain op = {DOMID_SELF};
        return memory_op(XENMEM_current_reservation, op);
    };
    u64 mfn = mfn_of(which);
    accepted(update_va(address(which), 0, UVMF_TLB_FLUSH | UVMF_ALL), "dropping our mapping");
    const s64 before = reservation();
    xen_memory_reservation_t op = {};
    set_xen_guest_handle(op.extent_start, &mfn);
    op.nr_extents = 1;
    op.domid = DOMID_SELF;
    expect(memory_op(XENMEM_decrease_reservation, op) == 1, what);
    expect(reservation() == before - 1, what, reservation() - before);
}

} // namespace

void run_test() {
    const u64 rounds = option("rounds", 4000);
    self = own_domid();
    page = alloc_page(), window = alloc_page(), left = alloc_page(), right = alloc_page();
    page_mfn = mfn_of(page);
    setup_grants();
    accepted(update_va(address(window), 0), "an empty window");
    start_secondary(other);
    table_against_mapping(rounds);
    one_entry(rounds);
    one_grant(rounds);
    one_port(rounds);
    phase = 99;
    give_back(left, "a page is held after a race over one entry");
    give_back(right, "a page is held after a race over one entry");
    give_back(page, "a page is held after races over its type and its grant");
}
