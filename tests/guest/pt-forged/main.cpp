// SPDX-License-Identifier: MIT
// Entries that no guest may have: recursive with write access, large pages, reserved bits, the hypervisor's slots,
// wrong levels. Hypothesis: each is refused, by mmu_update as well as in a table that is pinned with it.
#include "rt/rt.hpp"

using namespace rt;

namespace {

s64 pin(u32 cmd, u64 mfn) {
    struct mmuext_op op = {};
    op.cmd = cmd;
    op.arg1.mfn = mfn;
    return mmuext(op);
}

/// A page with one entry, read-only, ready to be pinned; nullptr restores nothing: tests are short.
u64 table_with(u64 entry, unsigned slot = 0) {
    u64* page = reinterpret_cast<u64*>(alloc_page());
    page[slot] = entry;
    accepted(update_va(address(page), make_pte(mfn_of(page), pte_ro)), "read-only");
    return mfn_of(page);
}

void pinned_with_bad_entry() {
    const u64 own = mfn_of(alloc_page());
    const u64 foreign = foreign_mfn();
    refused(pin(MMUEXT_PIN_L1_TABLE, table_with(make_pte(foreign, pte_kernel))), "L1 with a foreign frame");
    refused(pin(MMUEXT_PIN_L1_TABLE, table_with(make_pte(foreign, pte_ro), 511)), "L1 with a foreign frame, read-only");
    refused(pin(MMUEXT_PIN_L1_TABLE, table_with(make_pte(u64{1} << 39, pte_kernel))), "L1 with a frame beyond memory");
    refused(pin(MMUEXT_PIN_L2_TABLE, table_with(make_pte(own, pte_kernel))), "L2 over a writable page");
    refused(pin(MMUEXT_PIN_L2_TABLE, table_with(make_pte(own & ~u64{511}, pte_kernel | pte_pse))),
            "L2 with a large page");
    refused(pin(MMUEXT_PIN_L3_TABLE, table_with(make_pte(own, pte_kernel | pte_pse))), "L3 with a huge page");
    refused(pin(MMUEXT_PIN_L4_TABLE, table_with(make_pte(own, pte_kernel))), "L4 over a plain page");
    // The hypervisor overwrites its own slots when it takes a table as L4; nothing that stood there may count.
    const u64 l4 = table_with(make_pte(foreign, pte_kernel), 260);
    if (pin(MMUEXT_PIN_L4_TABLE, l4) >= 0)
        expect(static_cast<const volatile u64*>(virt_of(l4))[260] != make_pte(foreign, pte_kernel),
               "an entry of ours stands in the hypervisor's slots");
}

void live_entries() {
    u8* page = alloc_page();
    const u64 at = address(page);
    const u64 l1 = pte_address(at, 1), l2 = pte_address(at, 2), l3 = pte_address(at, 3), l4 = pte_address(at, 4);
    const u64 l2_frame = l2 / page_size, l4_frame = l4 / page_size;
    // Free slots of the live tables.
    const auto slot = [](u64 entry, unsigned index) { return (entry & ~(page_size - 1)) + index * 8; };
    refused(update_pte(slot(l2, 510), make_pte(l2_frame, pte_kernel)), "L2 as its own L1, writable");
    refused(update_pte(slot(l3, 510), make_pte(l4_frame, pte_kernel)), "L4 as an L2");
    refused(update_pte(slot(l4, 300), make_pte(l4_frame, pte_kernel)), "L4 in itself, writable");
    refused(update_pte(slot(l2, 510), make_pte(mfn_of(page), pte_kernel)), "a writable page as L1");
    refused(update_pte(slot(l2, 510), make_pte(0, pte_kernel | pte_pse)), "a large page");
    refused(update_pte(slot(l3, 510), make_pte(0, pte_kernel | pte_pse)), "a huge page");
    for (unsigned index = 256; index < 272; ++index)
        for (const u64 entry : {make_pte(l4_frame, pte_ro), make_pte(pte_of(at, 4) / page_size, pte_kernel)})
            refused(update_pte(slot(l4, index), entry), "an entry in the hypervisor's slots", index);
    refused(update_pte(l1, make_pte(u64{0xfffffffff}, pte_kernel)), "a frame of all ones");
    // A read-only look at one's own L4 (a linear page table) is allowed or not, but it must never be writable.
    if (update_pte(slot(l4, 300), make_pte(l4_frame, pte_ro)) >= 0) {
        u64* mirror = reinterpret_cast<u64*>(0xffff000000000000 | u64{300} << 39 | u64{300} << 30 | u64{300} << 21 |
                                             u64{300} << 12);
        expect(!try_write(mirror + 1, make_pte(foreign_mfn(), pte_kernel)), "a linear page table is writable");
        accepted(update_pte(slot(l4, 300), 0), "taking the linear page table away");
    }
}

void bad_requests() {
    u8* page = alloc_page();
    const u64 good = make_pte(mfn_of(page), pte_kernel);
    const u64 entry = pte_address(address(page));
    refused(update_pte(foreign_mfn() * page_size, good), "an entry in a foreign page");
    refused(update_pte((u64{1} << 52) - 8, good), "an entry in no page");
    refused(update_pte(foreign_mfn() * page_size | MMU_MACHPHYS_UPDATE, 1), "the M2P entry of a foreign frame");
    refused(update_pte((u64{1} << 51) | MMU_MACHPHYS_UPDATE, 1), "the M2P entry of no frame");
    refused(update_pte(entry, good, 0x7ff4), "for a domain that does not exist");
    refused(update_pte(entry, good, 1000), "for a domain that is not there");
    refused(update_va(0xffff800000000000, good), "update_va_mapping in the read-only M2P");
    refused(update_va(0xffff830000000000, good), "update_va_mapping in the hypervisor");
    refused(update_va(0x0000800000000000, good), "update_va_mapping where nothing is");
    struct mmu_update list[2] = {{entry, good}, {entry, make_pte(foreign_mfn(), pte_kernel)}};
    u32 done = ~0U;
    refused(hypercall(__HYPERVISOR_mmu_update, address(list), 2, address(&done), DOMID_SELF), "a list with a bad end");
    expect(done == 1, "the good part of the list was not counted", done);
    refused(hypercall(__HYPERVISOR_mmu_update, 0xffff830000000000, 1, 0, DOMID_SELF), "a list in the hypervisor");
    refused(hypercall(__HYPERVISOR_mmu_update, ~u64{0} - 15, 0x7fffffff, 0, DOMID_SELF), "a list that wraps");
    accepted(update_va(address(page), good), "the page is as it was");
}

} // namespace

void run_test() {
    pinned_with_bad_entry();
    live_entries();
    bad_requests();
}
