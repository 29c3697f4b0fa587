// SPDX-License-Identifier: MIT
// The runtime itself: it starts, its traps come back, its page tables can be read, a page can be mapped read-only.
#include "rt/rt.hpp"

using namespace rt;

void run_test() {
    expect(start->nr_pages != 0, "start_info has no pages");
    u64 value;
    expect(!try_read(reinterpret_cast<void*>(0x10), value) && last_trap() == 14, "reading page 0 did not fault");
    u8* page = alloc_page();
    expect((pte_of(address(page)) & pte_frame) == mfn_of(page) * page_size, "the walk does not find the page");
    expect(try_write(page, 1), "writing a page of ours");
    accepted(update_va(address(page), make_pte(mfn_of(page), pte_ro)), "mapping it read-only");
    expect(!try_write(page, 2) && last_trap() == 14, "writing a read-only page did not fault");
    accepted(update_va(address(page), make_pte(mfn_of(page), pte_kernel)), "mapping it writable");
    expect(try_write(page, 3), "writing it again");
    printf("domain %u, %u pages\r\n", u64{own_domid()}, start->nr_pages);
}
