// SPDX-License-Identifier: MIT
// From head.S's mappings to the final ones, then the frame table, the M2P and the heap.
#include "mm/init.hpp"

#include "boot/image.hpp"
#include "core/debug/printk.hpp"
#include "core/init/boot_info.hpp"
#include "core/mm/heap.hpp"
#include "cpu/cpuid.hpp"
#include "cpu/cr.hpp"
#include "drivers/acpi/acpi.hpp"
#include "lib/string.hpp"
#include "mm/early.hpp"
#include "mm/hv_pagetable.hpp"
#include "mm/m2p.hpp"

namespace hv {

u64 frame_chunk_map[max_frame_chunks / 64];
u64 max_mfn;

namespace {

constexpr u64 low_mib_end = 0x100;        // the first MiB is firmware's and devices', and dom0's to look at
constexpr u64 boot_mapped_end = 0x100000; // head.S maps 4 GiB
constexpr u64 frames_per_chunk = u64{1} << frame_chunk_shift;
constexpr u64 large_pages = 512; // frames in 2 MiB

FrameRanges ram;        // all RAM above the first MiB
FrameRanges early_free; // of it, what nobody uses yet
bool heap_ready;
u64 early_limit = boot_mapped_end;

enum E820Type : u32 { e820_ram = 1, e820_acpi = 3, e820_nvs = 4 };

void reserve(u64 start, u64 end) { early_free.remove(start >> page_shift, pages_for(end)); }

void find_memory() {
    const u64 last = (direct_map_end - direct_map_start) >> page_shift;
    for (u32 i = 0; i < boot_info.memory_count; ++i) {
        const E820Entry& entry = boot_info.memory[i];
        if (entry.type != e820_ram || entry.address + entry.size < entry.address) continue;
        const u64 first = max_of(pages_for(entry.address), low_mib_end);
        const u64 end = min_of((entry.address + entry.size) >> page_shift, last);
        if (first < end) ram.add(first, end);
    }
    // What the map also calls something else is not RAM.
    for (u32 i = 0; i < boot_info.memory_count; ++i)
        if (const E820Entry& entry = boot_info.memory[i]; entry.type != e820_ram)
            ram.remove(entry.address >> page_shift, pages_for(entry.address + entry.size));
    for (u32 i = 0; i < ram.count(); ++i) {
        early_free.add(ram[i].first, ram[i].end);
        max_mfn = ram[i].end;
    }
    reserve(image_load_maddr, image_end_maddr());
    for (u32 i = 0; i < boot_info.module_count; ++i)
        reserve(boot_info.modules[i].start, boot_info.modules[i].start + boot_info.modules[i].size);
}

void must_map(u64 address, u64 first, u64 pages, u64 flags) {
    if (!hv_map(address, Mfn{first}, pages, flags)) panic("no memory for the hypervisor's page tables");
}
void map_direct(u64 first, u64 end, u64 flags) {
    if (first < end) must_map(direct_map_start + (first << page_shift), first, end - first, flags);
}

void map_image() {
    struct Part {
        const u8 *start, *end;
        u64 flags;
    };
    const Part parts[] = {{image_text_start, image_text_end, HvMap::rx},
                          {image_rodata_start, image_rodata_end, HvMap::ro},
                          {image_data_start, image_end, HvMap::rw}};
    for (const Part& part : parts)
        must_map(reinterpret_cast<u64>(part.start), image_maddr(part.start) >> page_shift,
                 pages_for(static_cast<u64>(part.end - part.start)), part.flags);
}

void map_all_ram() {
    // Code and constants stay read-only in the direct map, too.
    const u64 ro_first = image_maddr(image_text_start) >> page_shift;
    const u64 ro_end = image_maddr(image_rodata_end) >> page_shift;
    map_direct(0, low_mib_end, HvMap::rw);
    for (u32 i = 0; i < ram.count(); ++i) {
        const FrameRange r = ram[i];
        map_direct(r.first, min_of(r.end, max_of(ro_first, r.first)), HvMap::rw);
        map_direct(max_of(r.first, ro_first), min_of(r.end, ro_end), HvMap::ro);
        map_direct(max_of(r.first, min_of(ro_end, r.end)), r.end, HvMap::rw);
    }
    for (u32 i = 0; i < boot_info.memory_count; ++i) {
        const E820Entry& entry = boot_info.memory[i];
        if (entry.type == e820_acpi || entry.type == e820_nvs)
            map_direct(max_of(entry.address >> page_shift, low_mib_end), pages_for(entry.address + entry.size),
                       HvMap::rw);
    }
}

/// The L3 tables of the shared slots exist from the start: every guest's L4 copies these entries.
void make_top_level() {
    idle_l4 = early_alloc(1, 1);
    u64* l4 = map_as<u64>(idle_l4);
    const unsigned last = pte_index(direct_map_start + (max_of(max_mfn, boot_mapped_end) << page_shift) - 1, 4);
    for (unsigned slot = 256; slot <= last; ++slot)
        if (slot == 256 || slot == 257 || slot == 261 || slot >= 262)
            l4[slot] = early_alloc(1, 1).raw() << page_shift | PteBits::present | PteBits::rw | PteBits::accessed;
    // The guest's view of the M2P.
    l4[256] = (l4[256] & ~PteBits::rw) | PteBits::user;
}

void make_frame_table() {
    for (u32 i = 0; i < ram.count(); ++i)
        for (u64 c = ram[i].first >> frame_chunk_shift; c <= (ram[i].end - 1) >> frame_chunk_shift; ++c)
            frame_chunk_map[c / 64] |= u64{1} << (c % 64);
    for (u64 c = 0; c << frame_chunk_shift < max_mfn; ++c) {
        if (!((frame_chunk_map[c / 64] >> (c % 64)) & 1)) continue;
        const Mfn frames = early_alloc(large_pages, large_pages);
        if (frames == invalid_mfn) panic("too little memory for the frame table");
        must_map(frametable_start + (c << 21), frames.raw(), large_pages, HvMap::rw);
        for (u64 i = 0; i < frames_per_chunk; ++i)
            page_of(Mfn{(c << frame_chunk_shift) + i}).count_.store(PageBits::not_ram, Order::relaxed);
    }
    for (u32 i = 0; i < ram.count(); ++i)
        for (u64 mfn = ram[i].first; mfn < ram[i].end; ++mfn)
            page_of(Mfn{mfn}).count_.store(0, Order::relaxed);
}

void make_m2p() {
    for (u64 chunk = 0; chunk << m2p_chunk_shift < max_mfn; ++chunk) {
        const u64 first_part = chunk << (m2p_chunk_shift - frame_chunk_shift);
        if (((frame_chunk_map[first_part / 64] >> (first_part % 64)) & 0xf) == 0) continue; // 1 GiB without any RAM
        const Mfn frames = early_alloc(large_pages, large_pages);
        if (frames == invalid_mfn) panic("too little memory for the M2P table");
        memset(map_of(frames), 0xff, large_pages * page_size);
        must_map(m2p_start + (chunk << 21), frames.raw(), large_pages, HvMap::rw);
        must_map(ro_m2p_start + (chunk << 21), frames.raw(), large_pages, HvMap::ro | PteBits::user);
    }
}

void fill_heap() {
    if (acpi.node_count > 1)
        for (u32 i = 0; i < acpi.memory_count; ++i)
            heap_set_node_range(Mfn{acpi.memory[i].start >> page_shift}, Mfn{acpi.memory[i].end >> page_shift},
                                acpi.memory[i].node);
    heap_ready = true; // no early_alloc() from here on
    for (u32 i = 0; i < early_free.count(); ++i)
        heap_add(Mfn{early_free[i].first}, Mfn{early_free[i].end});
}

} // namespace

bool early_memory_active() { return !heap_ready; }

Mfn early_alloc(u64 pages, u64 align) {
    const Mfn mfn = early_free.take(pages, align, early_limit);
    if (mfn != invalid_mfn)
        memset(map_of(mfn), 0, pages * page_size);
    else if (pages == 1)
        panic("too little memory to start");
    return mfn;
}

u64 mm_ram_pages() { return ram.pages(); }

void mm_free_boot_range(u64 start, u64 end) {
    if (start < end) heap_add(Mfn{pages_for(start)}, Mfn{end >> page_shift});
}

void mm_init() {
    find_memory();
    if (ram.pages() < (u64{64} << (20 - page_shift)))
        panic("the loader's memory map shows only {} KiB of RAM: cannot run", ram.pages() * 4);
    make_top_level();
    map_image();
    map_all_ram();
    write_cr3(idle_cr3());
    early_limit = max_mfn;
    make_frame_table();
    make_m2p();
    fill_heap();
    log_info("memory: {} MiB of RAM up to {:x}, {} MiB for domains", ram.pages() >> 8, max_mfn << page_shift,
             heap_free_pages() >> 8);
}

} // namespace hv
