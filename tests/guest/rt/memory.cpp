// SPDX-License-Identifier: MIT
#include "rt/rt.hpp"

extern "C" char rt_virt_base[];

namespace rt {

static constexpr u64 pool_pages = 512;
alignas(4096) static u8 pool[pool_pages][page_size];
static u64 pool_used;

static const u64* const machine_to_phys = reinterpret_cast<const u64*>(0xffff800000000000);

u8* alloc_page() {
    expect(pool_used < pool_pages, "the test used up its pages");
    return pool[pool_used++];
}

static const u64* p2m() { return reinterpret_cast<const u64*>(start->mfn_list); }

u64 mfn_of(const void* virt) { return p2m()[(address(virt) - address(rt_virt_base)) / page_size]; }

bool mfn_is_ours(u64 mfn) {
    u64 pfn;
    return try_read(&machine_to_phys[mfn], pfn) && pfn < start->nr_pages && p2m()[pfn] == mfn;
}

void* virt_of(u64 mfn) { return rt_virt_base + machine_to_phys[mfn] * page_size; }

/// Frame of the table of `level` that serves `virt`.
static u64 table_of(u64 virt, unsigned level) {
    u64 mfn = mfn_of(reinterpret_cast<void*>(start->pt_base));
    for (unsigned at = 4; at > level; --at) {
        const u64 entry = static_cast<const volatile u64*>(virt_of(mfn))[virt >> (12 + 9 * (at - 1)) & 511];
        expect(entry & pte_present, "the page-table walk met a hole", static_cast<s64>(at));
        mfn = (entry & pte_frame) / page_size;
    }
    return mfn;
}

u64 pte_address(u64 virt, unsigned level) {
    return table_of(virt, level) * page_size + (virt >> (12 + 9 * (level - 1)) & 511) * 8;
}

const volatile u64* pte_slot(u64 virt, unsigned level) {
    return static_cast<const volatile u64*>(virt_of(table_of(virt, level))) + (virt >> (12 + 9 * (level - 1)) & 511);
}

u64 pte_of(u64 virt, unsigned level) { return *pte_slot(virt, level); }

u64 foreign_mfn() {
    const s64 top = hypercall(__HYPERVISOR_memory_op, XENMEM_maximum_ram_page, 0);
    static u64 at = 0x100;
    for (u64 i = 0; i < static_cast<u64>(top); ++i) {
        at = at + 1 < static_cast<u64>(top) ? at + 1 : 0x100;
        if (!mfn_is_ours(at)) return at;
    }
    fail("no foreign frame found");
}

u16 own_domid() {
    evtchn_alloc_unbound_t alloc = {DOMID_SELF, DOMID_SELF, 0};
    accepted(event_op(EVTCHNOP_alloc_unbound, alloc), "alloc_unbound for ourselves");
    evtchn_status_t status = {};
    status.dom = DOMID_SELF;
    status.port = alloc.port;
    accepted(event_op(EVTCHNOP_status, status), "status of our own port");
    evtchn_close_t close = {alloc.port};
    accepted(event_op(EVTCHNOP_close, close), "close of our own port");
    return status.u.unbound.dom;
}

} // namespace rt
