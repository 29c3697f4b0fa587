// SPDX-License-Identifier: MIT
#include "mm/hv_pagetable.hpp"

#include "core/mm/heap.hpp"
#include "cpu/cpuid.hpp"
#include "lib/string.hpp"
#include "mm/early.hpp"
#include "mm/layout.hpp"
#include "mm/tlb.hpp"

namespace hv {

Mfn idle_l4{};

namespace {

SpinLock map_lock{LockRank::vmap};

constexpr u64 level_bytes(unsigned level) { return page_size << (9 * (level - 1)); }

Mfn new_table() {
    if (early_memory_active()) return early_alloc(1, 1);
    void* table = alloc_pages(0);
    return table ? mfn_of_virt(table) : invalid_mfn;
}

/// The table below `entry`, made when there is none; nullptr when out of memory. The most permissive rights go into
/// the upper levels: the last one decides.
u64* next_table(u64& entry, u64 flags) {
    if (!(entry & PteBits::present)) {
        const Mfn table = new_table();
        if (table == invalid_mfn) return nullptr;
        write_once(entry, table.raw() << page_shift | PteBits::present | PteBits::rw | PteBits::accessed);
    }
    write_once(entry, entry | (flags & PteBits::user));
    return map_as<u64>(Pte<2>{entry}.mfn());
}

/// Largest level whose page fits at this place.
unsigned fitting_level(u64 address, u64 maddr, u64 bytes) {
    for (unsigned level = cpu_features.page1g ? 3 : 2; level > 1; --level)
        if (((address | maddr) & (level_bytes(level) - 1)) == 0 && bytes >= level_bytes(level)) return level;
    return 1;
}

u64* leaf_slot(u64 address, unsigned level, u64 flags) {
    u64* table = map_as<u64>(idle_l4);
    for (unsigned at = 4; at > level; --at) {
        table = next_table(table[pte_index(address, at)], flags);
        if (!table) return nullptr;
    }
    return &table[pte_index(address, level)];
}

} // namespace

Status hv_map(u64 address, Mfn first, u64 pages, u64 flags) {
    const Guard guard(map_lock);
    u64 maddr = first.raw() << page_shift;
    u64 bytes = pages << page_shift;
    if (!cpu_features.nx) flags &= ~PteBits::nx;
    while (bytes) {
        const unsigned level = fitting_level(address, maddr, bytes);
        u64* slot = leaf_slot(address, level, flags);
        if (!slot) return Errno::no_mem;
        HV_ASSERT(!(*slot & PteBits::present));
        write_once(*slot, maddr | flags | (level > 1 ? PteBits::pse : 0));
        address += level_bytes(level);
        maddr += level_bytes(level);
        bytes -= level_bytes(level);
    }
    return {};
}

void hv_unmap(u64 address, u64 pages) {
    {
        const Guard guard(map_lock);
        for (const u64 end = address + (pages << page_shift); address < end;) {
            u64* table = map_as<u64>(idle_l4);
            unsigned level = 4;
            u64* slot = &table[pte_index(address, level)];
            while ((*slot & PteBits::present) && level > 1 && !(level < 4 && (*slot & PteBits::pse))) {
                --level;
                slot = &map_as<u64>(Pte<2>{*slot}.mfn())[pte_index(address, level)];
            }
            write_once(*slot, 0);
            address = align_down(address, level_bytes(level)) + level_bytes(level);
        }
    }
    tlb_flush_global_mask(online_cpus);
}

} // namespace hv
