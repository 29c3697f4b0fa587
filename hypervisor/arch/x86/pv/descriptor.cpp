// SPDX-License-Identifier: MIT
#include "pv/descriptor.hpp"

#include "core/hypercall/guest_ptr.hpp"
#include "core/hypercall/table.hpp"
#include "core/mm/page.hpp"
#include "mm/layout.hpp"
#include "mm/perdomain.hpp"
#include "mm/tlb.hpp"
#include "pv/mmu.hpp"
#include "pv/pv.hpp"
#include "pv/segments.hpp"

namespace hv {

namespace {
constexpr u32 gdt_frame_limit = FIRST_RESERVED_GDT_PAGE;
constexpr u32 entries_per_page = page_size / 8;
} // namespace

void pv_destroy_gdt(Vcpu& vcpu) {
    PvVcpu& pv = vcpu.arch.pv;
    for (u32 i = 0; i < gdt_frame_limit; ++i) {
        if (!pv.gdt_frames[i].raw()) continue;
        perdomain_set(*vcpu.domain, gdt_address(vcpu.id) + i * page_size, invalid_mfn);
        TypedPageRef::adopt(page_of(pv.gdt_frames[i])).reset();
        pv.gdt_frames[i] = Mfn{};
    }
    pv.gdt_entries = 0;
}

Status pv_set_gdt(Vcpu& vcpu, const u64* frames, u32 entries) {
    if (entries > FIRST_RESERVED_GDT_ENTRY) return Errno::inval;
    const u32 count = (entries + entries_per_page - 1) / entries_per_page;
    TypedPageRef pages[gdt_frame_limit];
    for (u32 i = 0; i < count; ++i)
        pages[i] = TRY(TypedPageRef::take(Mfn{frames[i]}, *vcpu.domain, PageType::seg_desc));
    pv_destroy_gdt(vcpu);
    PvVcpu& pv = vcpu.arch.pv;
    for (u32 i = 0; i < count; ++i) {
        pv.gdt_frames[i] = pages[i].mfn();
        perdomain_set(*vcpu.domain, gdt_address(vcpu.id) + i * page_size, pages[i].mfn());
        static_cast<void>(pages[i].release());
    }
    pv.gdt_entries = entries;
    return {};
}

Result<s64> hypercall::set_gdt(HypercallArgs& args_) {
    const u64 entries = static_cast<u32>(args_.a[1]);
    if (entries > FIRST_RESERVED_GDT_ENTRY) return Errno::inval;
    u64 frames[gdt_frame_limit];
    TRY(GuestIn<u64>(args_.a[0]).read(frames, (entries + entries_per_page - 1) / entries_per_page));
    TRY(pv_set_gdt(current(), frames, static_cast<u32>(entries)));
    for (u32 i = 0; i < gdt_frame_limit; ++i)
        tlb_flush_local_page(gdt_address(current().id) + i * page_size);
    return 0;
}

Result<s64> hypercall::update_descriptor(HypercallArgs& args_) {
    const u64 address = args_.a[0];
    u64 descriptor = args_.a[1];
    if ((address & 7) || !pv_fix_descriptor(descriptor)) return Errno::inval;
    PageRef page = TRY(PageRef::take(Mfn{address >> page_shift}, *current().domain));
    // A page in use as a GDT or LDT stays one while the checked descriptor is written; any other must be plain memory.
    const bool in_use = static_cast<PageType>(page->type_.load() >> 60) == PageType::seg_desc;
    TRY(page_get_type(*page, in_use ? PageType::seg_desc : PageType::writable));
    auto* const slot = map_as<u64>(page.mfn()) + (address & (page_size - 1)) / 8;
    write_once(*slot, descriptor);
    TRY(page_put_type(*page));
    return 0;
}

bool pv_fix_trap(trap_info_t& info) {
    info.cs |= 3;
    return canonical(info.address);
}

Result<s64> hypercall::set_trap_table(HypercallArgs& args_) {
    trap_info_t* const traps = current().arch.pv.traps;
    if (!args_.a[0]) {
        __builtin_memset(traps, 0, 256 * sizeof(trap_info_t));
        return 0;
    }
    for (unsigned i = 0; i < 257; ++i) { // every vector once and the terminator
        auto info = TRY(read_guest<trap_info_t>(args_.a[0]));
        if (!info.address) return 0;
        if (!pv_fix_trap(info)) return Errno::inval;
        traps[info.vector] = info;
        args_.a[0] += sizeof(info);
    }
    return hypercall_preempt_check() ? Result<s64>(Errno::restart) : Result<s64>(0);
}

} // namespace hv
