// SPDX-License-Identifier: MIT
// Version 2 grant tables: status words apart from the entries, parts of pages, grants of grants.
// Hypothesis (xen/grant_table.h): in-use bits appear in the status frames only; a part can be copied within its bounds
// and never mapped; a grant of a grant cannot be mapped, nor lead back to its granter or to nobody.
#include "rt/rt.hpp"

using namespace rt;

namespace {

volatile grant_entry_v2_t* table;
volatile grant_status_t* status;
u16 self;

void* window_to(u64 frame) {
    u8* at = alloc_page();
    accepted(update_va(address(at), make_pte(frame, pte_kernel)), "mapping a frame of the grant table");
    return at;
}

xen_pfn_t table_frame() {
    xen_pfn_t frame = 0;
    gnttab_setup_table_t op = {};
    op.dom = DOMID_SELF, op.nr_frames = 1;
    set_xen_guest_handle(op.frame_list, &frame);
    accepted(grant_op(GNTTABOP_setup_table, &op), "setup_table");
    expect(op.status == GNTST_okay, "setup_table status", op.status);
    return frame;
}

void setup() {
    self = own_domid();
    // The store's daemon maps the reserved entry 1 for good: it stays in use and granted across the change.
    const auto* const old = static_cast<volatile grant_entry_v1_t*>(window_to(table_frame()));
    const grant_entry_v1_t store = {old[GNTTAB_RESERVED_XENSTORE].flags, old[GNTTAB_RESERVED_XENSTORE].domid,
                                    old[GNTTAB_RESERVED_XENSTORE].frame};
    gnttab_set_version_t version = {2};
    accepted(grant_op(GNTTABOP_set_version, &version), "set_version 2");
    gnttab_get_version_t get = {DOMID_SELF, 0, 0};
    accepted(grant_op(GNTTABOP_get_version, &get), "get_version");
    expect(get.version == 2, "the version did not change", get.version);
    table = static_cast<grant_entry_v2_t*>(window_to(table_frame()));
    u64 status_frame = 0;
    gnttab_get_status_frames_t frames = {};
    frames.dom = DOMID_SELF, frames.nr_frames = 1;
    set_xen_guest_handle(frames.frame_list, &status_frame);
    accepted(grant_op(GNTTABOP_get_status_frames, &frames), "get_status_frames");
    expect(frames.status == GNTST_okay, "get_status_frames status", frames.status);
    status = static_cast<grant_status_t*>(window_to(status_frame));
    constexpr u16 in_use = GTF_reading | GTF_writing;
    expect(status[GNTTAB_RESERVED_XENSTORE] == (store.flags & in_use), "in-use bits of the store's page were lost",
           status[GNTTAB_RESERVED_XENSTORE]);
    expect(table[GNTTAB_RESERVED_XENSTORE].hdr.flags == (store.flags & ~in_use) &&
               table[GNTTAB_RESERVED_XENSTORE].hdr.domid == store.domid &&
               table[GNTTAB_RESERVED_XENSTORE].full_page.frame == store.frame,
           "the store's grant changed", table[GNTTAB_RESERVED_XENSTORE].hdr.flags);
    frames.nr_frames = 100000;
    grant_op(GNTTABOP_get_status_frames, &frames);
    expect(frames.status != GNTST_okay, "status frames that do not exist");
}

void publish(u32 ref, u16 flags) {
    table[ref].hdr.domid = self;
    asm volatile("" ::: "memory");
    table[ref].hdr.flags = flags;
}

s64 map(void* at, u32 ref, u32* handle = nullptr) {
    gnttab_map_grant_ref_t op = {};
    op.host_addr = address(at), op.flags = GNTMAP_host_map, op.ref = ref, op.dom = self;
    accepted(grant_op(GNTTABOP_map_grant_ref, &op), "map as a call");
    if (handle) *handle = op.handle;
    return op.status;
}

s64 copy_in(u32 ref, u16 offset, u16 length, void* to) {
    gnttab_copy_t op = {};
    op.source.u.ref = ref, op.source.domid = self, op.source.offset = offset;
    op.dest.u.gmfn = mfn_of(to), op.dest.domid = DOMID_SELF;
    op.len = length, op.flags = GNTCOPY_source_gref;
    accepted(grant_op(GNTTABOP_copy, &op), "copy as a call");
    return op.status;
}

void whole_page(u8* page, u8* window) {
    table[20].full_page.frame = mfn_of(page);
    publish(20, GTF_permit_access);
    u32 handle = 0;
    expect(map(window, 20, &handle) == GNTST_okay, "mapping a version 2 grant");
    expect((status[20] & (GTF_reading | GTF_writing)) == (GTF_reading | GTF_writing), "no in-use bits in the status");
    expect(table[20].hdr.flags == GTF_permit_access, "in-use bits in the entry", table[20].hdr.flags);
    gnttab_set_version_t version = {1};
    refused(grant_op(GNTTABOP_set_version, &version), "version change while a grant is mapped");
    gnttab_unmap_grant_ref_t op = {};
    op.host_addr = address(window), op.handle = handle;
    accepted(grant_op(GNTTABOP_unmap_grant_ref, &op), "unmap as a call");
    expect(op.status == GNTST_okay && status[20] == 0, "unmap", op.status);
    table[21].full_page.frame = ~u64{0} >> 12;
    publish(21, GTF_permit_access);
    expect(map(window, 21) != GNTST_okay, "a grant of no frame");
    table[21].full_page.frame = foreign_mfn();
    expect(map(window, 21) != GNTST_okay, "a grant of a foreign frame");
    expect(status[21] == 0, "a failed map left in-use bits", status[21]);
}

void part_of_page(u8* page, u8* window, u8* target) {
    page[512] = 42;
    table[22].sub_page.frame = mfn_of(page);
    table[22].sub_page.page_off = 512;
    table[22].sub_page.length = 64;
    publish(22, GTF_permit_access | GTF_sub_page);
    expect(map(window, 22) != GNTST_okay, "a part of a page was mapped");
    expect(copy_in(22, 512, 64, target) == GNTST_okay && target[0] == 42, "copy of the part");
    expect(copy_in(22, 511, 8, target) != GNTST_okay, "copy from before the part");
    expect(copy_in(22, 512, 65, target) != GNTST_okay, "copy beyond the part");
    expect(copy_in(22, 0, 4096, target) != GNTST_okay, "copy of the whole page");
    table[22].sub_page.page_off = 0xfff0;
    table[22].sub_page.length = 0xffff;
    expect(copy_in(22, 4095, 2, target) != GNTST_okay, "a part that wraps reaches the next page");
    expect(status[22] == 0, "copies left in-use bits", status[22]);
}

/// With one domain every grant of a grant leads back to its granter, which is refused.
void onward(u8* window, u8* target) {
    table[23].transitive.trans_domid = self;
    table[23].transitive.gref = 20;
    publish(23, GTF_transitive);
    expect(map(window, 23) != GNTST_okay, "a grant of a grant was mapped");
    for (const u32 ref : {u32{20}, u32{23}, u32{100000}, ~u32{0}}) {
        table[23].transitive.gref = ref;
        expect(copy_in(23, 0, 8, target) != GNTST_okay, "a grant of the granter's own grant", ref);
    }
    for (const u16 domid : {u16{1000}, u16{0x7ff1}, u16{0x7ff2}, u16{0x7fff}}) {
        table[23].transitive.trans_domid = domid;
        expect(copy_in(23, 0, 8, target) != GNTST_okay, "a grant of no domain's grant", domid);
    }
    expect(status[20] == 0 && status[23] == 0, "in-use bits are left");
}

} // namespace

void run_test() {
    setup();
    u8* page = alloc_page();
    u8* window = alloc_page();
    u8* target = alloc_page();
    whole_page(page, window);
    part_of_page(page, window, target);
    onward(window, target);
    // Xen takes the status frames away with version 2, so nobody may have them mapped.
    accepted(update_va(address(const_cast<grant_status_t*>(status)), 0), "unmapping the status frame");
    gnttab_set_version_t version = {1};
    accepted(grant_op(GNTTABOP_set_version, &version), "back to version 1");
    expect(map(window, 20) != GNTST_okay, "an entry of version 2 lives on");
}
