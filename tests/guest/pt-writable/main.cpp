// SPDX-License-Identifier: MIT
// A page is never a page table and writable at once, by whatever way the guest asks.
// Hypothesis (xen/xen.h, page types): every request that would make it so is refused, direct writes are checked.
#include "rt/rt.hpp"

using namespace rt;

namespace {

s64 pin(u32 cmd, u64 mfn) {
    struct mmuext_op op = {};
    op.cmd = cmd;
    op.arg1.mfn = mfn;
    return mmuext(op);
}
void map(void* at, u64 mfn, u64 flags) { accepted(update_va(address(at), make_pte(mfn, flags)), "plain mapping"); }

void pinned_l1() {
    u8* page = alloc_page();
    u8* window = alloc_page();
    const u64 mfn = mfn_of(page);
    refused(pin(MMUEXT_PIN_L1_TABLE, mfn), "pinning a page that is mapped writable");
    map(page, mfn, pte_ro);
    accepted(pin(MMUEXT_PIN_L1_TABLE, mfn), "pinning it once it is read-only");
    refused(update_va(address(page), make_pte(mfn, pte_kernel)), "a pinned table mapped writable by update_va_mapping");
    refused(update_pte(pte_address(address(page)) | MMU_NORMAL_PT_UPDATE, make_pte(mfn, pte_kernel)),
            "a pinned table mapped writable by mmu_update");
    refused(update_pte(pte_address(address(window)) | MMU_PT_UPDATE_PRESERVE_AD, make_pte(mfn, pte_kernel)),
            "a pinned table mapped writable by another address");
    refused(pin(MMUEXT_PIN_L2_TABLE, mfn), "one table pinned as two levels");
    refused(pin(MMUEXT_PIN_L1_TABLE, mfn), "pinned twice");
    // Direct writes are carried out when they are harmless and never when they are not.
    const u64 bad[] = {make_pte(foreign_mfn(), pte_kernel), make_pte(mfn, pte_kernel),
                       make_pte(u64{1} << 39, pte_kernel)};
    for (const u64 entry : bad) {
        try_write(page + 8, entry);
        u64 seen = 0;
        expect(try_read(page + 8, seen) && seen == 0, "a direct write of a bad entry stuck", static_cast<s64>(entry));
        refused(update_pte(mfn * page_size + 8, entry), "mmu_update of a bad entry");
    }
    accepted(update_pte(mfn * page_size + 8, make_pte(mfn_of(window), pte_kernel)), "mmu_update of a good entry");
    // Another table's entry for this window is gone only with the table.
    refused(pin(MMUEXT_PIN_L1_TABLE, mfn_of(window)), "pinning a page that an unhooked table maps writable");
    accepted(pin(MMUEXT_UNPIN_TABLE, mfn), "unpin");
    refused(pin(MMUEXT_UNPIN_TABLE, mfn), "second unpin");
    map(page, mfn, pte_kernel);
    expect(try_write(page, 1), "the page is plain memory again");
}

void live_tables() {
    u8* window = alloc_page();
    for (unsigned level = 1; level <= 4; ++level) {
        const u64 table = pte_address(address(window), level) / page_size;
        refused(update_va(address(window), make_pte(table, pte_kernel)), "a live table mapped writable", level);
        refused(update_pte(pte_address(address(window)), make_pte(table, pte_kernel)), "the same by mmu_update", level);
        refused(update_va(address(virt_of(table)), make_pte(table, pte_kernel)), "its own mapping made writable",
                level);
        expect(!try_write(const_cast<u64*>(pte_slot(address(window), level)), ~u64{0}) ||
                   *pte_slot(address(window), level) != ~u64{0},
               "a live entry was overwritten with nonsense", level);
    }
    accepted(update_va(address(window), make_pte(mfn_of(window), pte_kernel)), "the window is as it was");
}

void clear_and_copy() {
    u8* page = alloc_page();
    struct mmuext_op op = {};
    op.cmd = MMUEXT_CLEAR_PAGE;
    op.arg1.mfn = pte_address(address(page)) / page_size;
    refused(mmuext(op), "MMUEXT_CLEAR_PAGE on a page table");
    op.cmd = MMUEXT_COPY_PAGE;
    op.arg2.src_mfn = mfn_of(page);
    refused(mmuext(op), "MMUEXT_COPY_PAGE onto a page table");
    op.arg1.mfn = mfn_of(page);
    op.arg2.src_mfn = foreign_mfn();
    refused(mmuext(op), "MMUEXT_COPY_PAGE from a foreign page");
    op.arg1.mfn = foreign_mfn();
    op.arg2.src_mfn = mfn_of(page);
    refused(mmuext(op), "MMUEXT_COPY_PAGE onto a foreign page");
}

void shared_pages_as_tables() {
    refused(pin(MMUEXT_PIN_L1_TABLE, start->shared_info / page_size), "the shared info page as a page table");
    for (const u32 cmd : {MMUEXT_PIN_L1_TABLE, MMUEXT_PIN_L2_TABLE, MMUEXT_PIN_L3_TABLE, MMUEXT_PIN_L4_TABLE,
                          MMUEXT_UNPIN_TABLE, MMUEXT_NEW_BASEPTR, MMUEXT_NEW_USER_BASEPTR}) {
        refused(pin(cmd, foreign_mfn()), "a foreign frame as a page table", cmd);
        refused(pin(cmd, ~u64{0} >> 12), "no frame as a page table", cmd);
        refused(pin(cmd, u64{1} << 40), "a frame beyond memory as a page table", cmd);
    }
    refused(pin(MMUEXT_NEW_BASEPTR, mfn_of(alloc_page())), "a writable page as the page table");
}

} // namespace

void run_test() {
    pinned_l1();
    live_tables();
    clear_and_copy();
    shared_pages_as_tables();
}
