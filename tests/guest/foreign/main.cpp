// SPDX-License-Identifier: MIT
// Frames and domains that are not ours. Hypothesis: an unprivileged domain reaches neither, by any memory operation;
// a privileged one must still name the owner.
#include "rt/rt.hpp"

using namespace rt;

namespace {

xen_memory_reservation_t extents(u64* list, u64 count, u32 order, u16 domid = DOMID_SELF) {
    xen_memory_reservation_t op = {};
    set_xen_guest_handle(op.extent_start, list);
    op.nr_extents = count;
    op.extent_order = order;
    op.domid = domid;
    return op;
}
s64 reserve(u64 cmd, xen_memory_reservation_t op) { return memory_op(cmd, op); }

void frames() {
    u8* page = alloc_page();
    for (int i = 0; i < 64; ++i) {
        const u64 mfn = foreign_mfn();
        refused(update_va(address(page), make_pte(mfn, pte_kernel)), "a foreign frame mapped", static_cast<s64>(mfn));
        refused(update_va(address(page), make_pte(mfn, pte_ro)), "a foreign frame mapped read-only",
                static_cast<s64>(mfn));
        u64 list = mfn;
        expect(reserve(XENMEM_decrease_reservation, extents(&list, 1, 0)) == 0, "a foreign frame released");
    }
    u64 nowhere = ~u64{0};
    expect(reserve(XENMEM_decrease_reservation, extents(&nowhere, 1, 0)) == 0, "frame ~0 released");
    nowhere = ~u64{0} >> 12;
    expect(reserve(XENMEM_decrease_reservation, extents(&nowhere, 1, 0)) == 0, "the last frame released");
}

void extents_that_wrap() {
    u64 list = 0;
    const auto nothing = [](s64 result, const char* what) { expect(result <= 0, what, result); };
    nothing(reserve(XENMEM_populate_physmap, extents(&list, ~u64{0}, 0)), "2^64-1 extents");
    nothing(reserve(XENMEM_populate_physmap, extents(&list, 1, 63)), "an extent of 2^63 pages");
    nothing(reserve(XENMEM_populate_physmap, extents(&list, 1, ~0U)), "an extent order of 2^32-1");
    nothing(reserve(XENMEM_increase_reservation, extents(&list, u64{1} << 61, 3)), "pages that wrap to 0");
    nothing(reserve(XENMEM_decrease_reservation, extents(&list, 1, 40)), "release of 2^40 pages");
    u64* wild = reinterpret_cast<u64*>(0xffff830000000000);
    nothing(reserve(XENMEM_populate_physmap, extents(wild, 4, 0)), "a list in the hypervisor");
    nothing(reserve(XENMEM_decrease_reservation, extents(wild, 4, 0)), "a list in the hypervisor to release");
    xen_memory_exchange_t exchange = {};
    u64 in = foreign_mfn(), out = 0;
    exchange.in = extents(&in, 1, 0);
    exchange.out = extents(&out, 1, 0);
    refused(memory_op(XENMEM_exchange, exchange), "exchange of a foreign frame");
    in = mfn_of(alloc_page());
    refused(memory_op(XENMEM_exchange, exchange), "exchange of a frame that is mapped");
    exchange.in.nr_extents = u64{1} << 63, exchange.in.extent_order = 1;
    refused(memory_op(XENMEM_exchange, exchange), "exchange of pages that wrap");
    exchange.in = extents(&in, 2, 0);
    refused(memory_op(XENMEM_exchange, exchange), "exchange of 2 for 1");
    exchange.in = exchange.out = extents(&in, 1, 9);
    exchange.nr_exchanged = 5;
    refused(memory_op(XENMEM_exchange, exchange), "exchange that claims to be done");
}

/// What we get must be empty: it was somebody else's.
void fresh_pages() {
    u8* window = alloc_page();
    for (int i = 0; i < 32; ++i) {
        u64 old = mfn_of(alloc_page());
        u64 pfn = 0x12345;
        if (privileged() && i) break;
        if (reserve(XENMEM_populate_physmap, extents(&pfn, 1, 0)) != 1) break; // at our limit: nothing to see
        accepted(update_va(address(window), make_pte(pfn, pte_kernel)), "mapping a fresh page");
        for (unsigned word = 0; word < 512; ++word)
            expect(reinterpret_cast<u64*>(window)[word] == 0, "a fresh page is not empty", word);
        accepted(update_va(address(window), make_pte(old, pte_kernel)), "unmapping it");
        expect(reserve(XENMEM_decrease_reservation, extents(&pfn, 1, 0)) == 1, "giving it back");
    }
}

void domains() {
    if (privileged()) return;
    u64 list = 0;
    expect(reserve(XENMEM_populate_physmap, extents(&list, 1, 0, 0)) == 0, "memory for dom0");
    struct xen_memory_domain who = {0};
    refused(memory_op(XENMEM_current_reservation, who), "dom0's reservation");
    xen_mem_acquire_resource_t resource = {};
    resource.domid = 0;
    resource.type = XENMEM_resource_grant_table;
    resource.nr_frames = 1;
    set_xen_guest_handle(resource.frame_list, &list);
    refused(memory_op(XENMEM_acquire_resource, resource), "dom0's grant table");
    u8* page = alloc_page();
    for (const u64 domid : {u64{0}, u64{DOMID_IO}, u64{DOMID_XEN}, u64{DOMID_IDLE}}) {
        refused(update_pte(pte_address(address(page)), make_pte(foreign_mfn(), pte_ro), domid),
                "mmu_update of another's frames", static_cast<s64>(domid));
        refused(hypercall(__HYPERVISOR_update_va_mapping_otherdomain, address(page), make_pte(foreign_mfn(), pte_ro), 0,
                          domid),
                "update_va_mapping_otherdomain", static_cast<s64>(domid));
    }
    for (const u64 call : {__HYPERVISOR_domctl, __HYPERVISOR_sysctl, __HYPERVISOR_platform_op})
        refused(hypercall(call, address(page)), "a control hypercall", static_cast<s64>(call));
}

} // namespace

void run_test() {
    frames();
    extents_that_wrap();
    fresh_pages();
    domains();
}
