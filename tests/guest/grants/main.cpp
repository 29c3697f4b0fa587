// SPDX-License-Identifier: MIT
// Grants that are forged, freed, mapped twice, torn down behind the hypervisor's back or transferred to nobody.
// Hypothesis (xen/grant_table.h): every misuse is answered by a status; a page stays ours until it is really gone.
#include "rt/rt.hpp"

using namespace rt;

namespace {

volatile grant_entry_v1_t* table;
u16 self;

void grant(u32 ref, u64 mfn, u16 flags) {
    table[ref].domid = self;
    table[ref].frame = static_cast<u32>(mfn);
    asm volatile("" ::: "memory");
    table[ref].flags = flags;
}

gnttab_map_grant_ref_t map(u64 host, u32 flags, u32 ref, u16 dom) {
    gnttab_map_grant_ref_t op = {};
    op.host_addr = host;
    op.flags = flags;
    op.ref = ref;
    op.dom = dom;
    accepted(grant_op(GNTTABOP_map_grant_ref, &op), "map_grant_ref as a call");
    return op;
}
s64 unmap(u64 host, u64 bus, u32 handle) {
    gnttab_unmap_grant_ref_t op = {};
    op.host_addr = host;
    op.dev_bus_addr = bus;
    op.handle = handle;
    accepted(grant_op(GNTTABOP_unmap_grant_ref, &op), "unmap_grant_ref as a call");
    return op.status;
}
s64 release_pages(u64 mfn, u64 count = 1, u32 order = 0) {
    xen_memory_reservation_t op = {};
    set_xen_guest_handle(op.extent_start, &mfn);
    op.nr_extents = count;
    op.extent_order = order;
    op.domid = DOMID_SELF;
    return memory_op(XENMEM_decrease_reservation, op);
}

void setup() {
    self = own_domid();
    gnttab_setup_table_t op = {};
    xen_pfn_t frame = 0;
    op.dom = DOMID_SELF;
    op.nr_frames = 1;
    set_xen_guest_handle(op.frame_list, &frame);
    accepted(grant_op(GNTTABOP_setup_table, &op), "setup_table");
    expect(op.status == GNTST_okay, "setup_table status", op.status);
    u8* window = alloc_page();
    accepted(update_va(address(window), make_pte(frame, pte_kernel)), "mapping the grant table");
    table = reinterpret_cast<grant_entry_v1_t*>(window);
    release_pages(frame); // whatever the answer is, the table must go on working
    op.nr_frames = ~0U;
    grant_op(GNTTABOP_setup_table, &op);
    expect(op.status != GNTST_okay, "setup_table of 2^32-1 frames");
    op.nr_frames = 1;
    set_xen_guest_handle(op.frame_list, reinterpret_cast<xen_pfn_t*>(0xffff830000000000));
    refused(grant_op(GNTTABOP_setup_table, &op), "setup_table writing into the hypervisor");
}

void map_and_revoke() {
    u8* page = alloc_page();
    u8* window = alloc_page();
    grant(20, mfn_of(page), GTF_permit_access);
    auto op = map(address(window), GNTMAP_host_map, 20, self);
    expect(op.status == GNTST_okay, "mapping our own grant", op.status);
    expect(op.dev_bus_addr == mfn_of(page) << 12, "dev_bus_addr");
    expect((table[20].flags & (GTF_reading | GTF_writing)) == (GTF_reading | GTF_writing), "no in-use bits");
    expect(try_write(window, 0x1234) && *reinterpret_cast<u64*>(page) == 0x1234, "the mapping shows another page");
    // The granter cannot take it back by writing; the hypervisor's own record counts.
    table[20].flags = 0;
    expect(try_write(window, 0x4321) && *reinterpret_cast<u64*>(page) == 0x4321, "mapping lost");
    expect(unmap(address(window) + page_size, 0, op.handle) != GNTST_okay, "unmap at a wrong address");
    expect(unmap(0, 0x1000, op.handle) == GNTST_okay, "unmapping a bus address that was never mapped is nothing");
    expect(unmap(address(window), 0, op.handle) == GNTST_okay, "unmap");
    expect(!try_write(window, 1), "the window is still there after unmap");
    expect(unmap(address(window), 0, op.handle) == GNTST_bad_handle, "second unmap");
    for (const u32 handle : {~0U, ~0U - 1, 0x7fffffffU, 1U << 20, op.handle + 1})
        expect(unmap(address(window), 0, handle) == GNTST_bad_handle, "unmap of a wild handle", handle);
}

void refuse_maps() {
    u8* page = alloc_page();
    u8* window = alloc_page();
    const auto status = [&](u64 host, u32 flags, u32 ref, u16 dom) { return map(host, flags, ref, dom).status; };
    grant(21, mfn_of(page), GTF_permit_access | GTF_readonly);
    expect(status(address(window), GNTMAP_host_map, 21, self) != GNTST_okay, "writable map of a read-only grant");
    for (const u32 ref : {22U, 511U, 512U, 0x7fffffffU, ~0U})
        expect(status(address(window), GNTMAP_host_map, ref, self) != GNTST_okay, "map of an empty or wild ref", ref);
    for (const u16 dom : {u16{0x7ff1}, u16{0x7ff2}, u16{0x7ff4}, u16{0x7fff}, u16{0xffff}, u16{1000}})
        expect(status(address(window), GNTMAP_host_map, 21, dom) != GNTST_okay, "map from a wild domain", dom);
    expect(status(address(window), 0, 21, self) != GNTST_okay, "map of no kind");
    for (const u64 host : {u64{0xffff830000000000}, u64{0x0000900000000000}, ~u64{0} - 7, u64{0}})
        expect(status(host, GNTMAP_host_map | GNTMAP_readonly, 21, self) != GNTST_okay, "map at a wild address");
    for (const u64 pte : {u64{mfn_of(page)} << 12, foreign_mfn() << 12, pte_address(address(window)) + 4,
                          pte_address(address(window), 2), ~u64{0} - 7})
        expect(status(pte, GNTMAP_host_map | GNTMAP_readonly | GNTMAP_contains_pte, 21, self) != GNTST_okay,
               "map through something that is no L1 entry", static_cast<s64>(pte));
    grant(23, foreign_mfn(), GTF_permit_access);
    expect(status(address(window), GNTMAP_host_map, 23, self) != GNTST_okay, "a grant of a frame that is not ours");
    grant(23, 0xffffffff, GTF_permit_access);
    expect(status(address(window), GNTMAP_host_map, 23, self) != GNTST_okay, "a grant of a frame beyond memory");
    const u64 table_mfn = pte_address(address(window)) >> 12;
    grant(23, table_mfn, GTF_permit_access);
    expect(status(address(window), GNTMAP_host_map, 23, self) != GNTST_okay, "a writable grant of a page table");
    grant(23, mfn_of(page), GTF_accept_transfer);
    expect(status(address(window), GNTMAP_host_map, 23, self) != GNTST_okay, "map of a transfer entry");
}

void tear_down_behind() {
    u8* page = alloc_page();
    u8* window = alloc_page();
    grant(24, mfn_of(page), GTF_permit_access);
    auto op = map(address(window), GNTMAP_host_map, 24, self);
    expect(op.status == GNTST_okay, "map", op.status);
    update_va(address(window), 0);
    expect(unmap(address(window), 0, op.handle) != GNTST_okay, "unmap of what the guest tore down");
    // Freed while granted and mapped: what we still map must stay our page until the end.
    u8* freed = alloc_page();
    const u64 freed_mfn = mfn_of(freed);
    u8* second = alloc_page();
    grant(25, freed_mfn, GTF_permit_access);
    op = map(address(second), GNTMAP_host_map, 25, self);
    expect(op.status == GNTST_okay, "map of the page to be freed", op.status);
    *reinterpret_cast<u64*>(freed) = 0xabcdef;
    expect(release_pages(freed_mfn) == 1, "decrease_reservation");
    accepted(update_va(address(freed), 0), "dropping our own mapping");
    u64 seen = 0;
    expect(try_read(second, seen) && seen == 0xabcdef, "a freed page changed under a mapping");
    expect(unmap(address(second), 0, op.handle) == GNTST_okay, "unmap of the freed page");
    expect(map(address(second), GNTMAP_host_map, 25, self).status != GNTST_okay, "map of a page that is gone");
    expect(release_pages(freed_mfn) == 0, "the page was released twice");
}

void many_pins() {
    u8* page = alloc_page();
    grant(26, mfn_of(page), GTF_permit_access);
    gnttab_map_grant_ref_t ops[16];
    u32 handles = 0, last = 0;
    for (int round = 0; round < 5000; ++round) {
        for (auto& op : ops)
            op = {0, GNTMAP_device_map, 26, self, 0, 0, 0};
        accepted(grant_op(GNTTABOP_map_grant_ref, ops, 16), "maps without bound");
        for (auto& op : ops)
            if (op.status == GNTST_okay) ++handles, last = op.handle;
    }
    expect(handles > 16 && handles <= 65535, "device maps have no bound", handles);
    expect(unmap(0, mfn_of(page) << 12, last) == GNTST_okay, "unmap of one of them");
    expect(unmap(0, mfn_of(page) << 12, last) != GNTST_okay, "unmap of it again");
}

void copies() {
    u8* a = alloc_page();
    u8* b = alloc_page();
    grant(27, mfn_of(a), GTF_permit_access | GTF_readonly);
    grant(28, mfn_of(b), GTF_permit_access);
    const auto copy = [&](u32 from, u16 from_at, u32 to, u16 to_at, u16 length) {
        gnttab_copy_t op = {};
        op.source.u.ref = from, op.source.domid = self, op.source.offset = from_at;
        op.dest.u.ref = to, op.dest.domid = self, op.dest.offset = to_at;
        op.len = length, op.flags = GNTCOPY_source_gref | GNTCOPY_dest_gref;
        accepted(grant_op(GNTTABOP_copy, &op), "copy as a call");
        return op.status;
    };
    a[100] = 77;
    expect(copy(27, 100, 28, 200, 1) == GNTST_okay && b[200] == 77, "copy of one byte");
    expect(copy(28, 0, 27, 0, 8) != GNTST_okay, "copy into a read-only grant");
    for (const u16 at : {u16{4095}, u16{4096}, u16{0xffff}, u16{1}})
        expect(copy(27, at, 28, 0, 4096) != GNTST_okay, "source beyond its page", at);
    expect(copy(27, 0, 28, 4090, 7) != GNTST_okay, "destination beyond its page");
    expect(copy(27, 0, 28, 0xfff0, 0xffff) != GNTST_okay, "16-bit wrap");
    gnttab_copy_t op = {};
    op.source.u.gmfn = foreign_mfn(), op.source.domid = DOMID_SELF;
    op.dest.u.gmfn = mfn_of(b), op.dest.domid = DOMID_SELF, op.len = 8;
    grant_op(GNTTABOP_copy, &op);
    expect(op.status != GNTST_okay, "copy from a foreign frame");
    op.source.u.gmfn = mfn_of(b), op.dest.u.gmfn = foreign_mfn();
    grant_op(GNTTABOP_copy, &op);
    expect(op.status != GNTST_okay, "copy into a foreign frame");
    op.dest.u.gmfn = mfn_of(reinterpret_cast<void*>(start->pt_base));
    grant_op(GNTTABOP_copy, &op);
    expect(op.status != GNTST_okay, "copy into a page table");
}

void transfers() {
    u8* page = alloc_page();
    const u64 mfn = mfn_of(page);
    gnttab_transfer_t op = {mfn, self, 30, 0};
    accepted(grant_op(GNTTABOP_transfer, &op), "transfer as a call");
    expect(op.status == GNTST_bad_page, "transfer of a page that is mapped", op.status);
    accepted(update_va(address(page), 0), "unmapping it");
    op = {foreign_mfn(), self, 30, 0};
    grant_op(GNTTABOP_transfer, &op);
    expect(op.status == GNTST_bad_page, "transfer of a foreign frame", op.status);
    grant(30, 0x5555, GTF_accept_transfer);
    op = {mfn, self, 30, 0};
    grant_op(GNTTABOP_transfer, &op);
    expect(op.status == GNTST_okay && table[30].frame == mfn, "transfer to ourselves", op.status);
    op = {mfn, 1000, 30, 0};
    grant_op(GNTTABOP_transfer, &op);
    expect(op.status != GNTST_okay, "transfer to no domain");
    expect(release_pages(mfn) == 0, "the page came back after a failed transfer");
}

void versions() {
    gnttab_set_version_t version = {3};
    refused(grant_op(GNTTABOP_set_version, &version), "grant table version 3");
    version.version = 2; // entries are pinned (many_pins): refused
    refused(grant_op(GNTTABOP_set_version, &version), "version change with pinned entries");
    gnttab_swap_grant_ref_t swap = {~0U, 1, 0};
    grant_op(GNTTABOP_swap_grant_ref, &swap);
    expect(swap.status != GNTST_okay, "swap of a wild ref");
    swap = {26, 40, 0};
    grant_op(GNTTABOP_swap_grant_ref, &swap);
    expect(swap.status != GNTST_okay, "swap of a pinned entry");
    gnttab_map_grant_ref_t op = {};
    refused(grant_op(GNTTABOP_map_grant_ref, &op, 0x80000000), "count with the sign bit");
    refused(grant_op(GNTTABOP_map_grant_ref, reinterpret_cast<gnttab_map_grant_ref_t*>(0xffff830000000000), 1),
            "operations inside the hypervisor");
    refused(grant_op(GNTTABOP_copy, reinterpret_cast<gnttab_copy_t*>(~u64{0} - 15), 2), "operations that wrap");
}

} // namespace

void run_test() {
    setup();
    map_and_revoke();
    refuse_maps();
    tear_down_behind();
    copies();
    transfers();
    many_pins();
    versions();
}
