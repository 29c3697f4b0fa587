// SPDX-License-Identifier: MIT
// Descriptors that a guest may have in its GDT and LDT (APM vol.2 4.7, 4.8), and the LDT window.
#include "mm/layout.hpp"
#include "mm/perdomain.hpp"
#include "pv/l1_slot.hpp"
#include "pv/mmu.hpp"

namespace hv {

bool pv_fix_descriptor(u64& descriptor) {
    constexpr u64 accessed = u64{1} << 40, not_system = u64{1} << 44, dpl3 = u64{3} << 45, present = u64{1} << 47;
    constexpr u64 system_type = u64{0xf} << 40;
    if (!(descriptor & present)) return true;
    // No gates, TSS or LDT: they would lead into our privilege level. System type 0 can never be loaded.
    if (!(descriptor & not_system)) return (descriptor & system_type) == 0;
    // The guest kernel runs in ring 3. With the accessed bit set the CPU never writes to the page.
    descriptor |= dpl3 | accessed;
    return true;
}

bool pv_map_ldt_page(Vcpu& vcpu, u64 offset) {
    const PvVcpu& pv = vcpu.arch.pv;
    if (offset >= u64{pv.ldt_entries} * 8) return false;
    const L1e entry{pv_walk_to(vcpu.arch.guest_table, pv.ldt_base + (offset & page_mask), 1)};
    if (!entry.present()) return false;
    Result<TypedPageRef> page = TypedPageRef::take(entry.mfn(), *vcpu.domain, PageType::seg_desc);
    if (!page) return false;
    const Mfn old = perdomain_set(*vcpu.domain, ldt_address(vcpu.id) + (offset & page_mask), page.value().mfn());
    static_cast<void>(page.value().release());
    if (old != invalid_mfn) TypedPageRef::adopt(page_of(old)).reset();
    return true;
}

bool pv_drop_ldt_pages(Vcpu& vcpu) {
    bool any = false;
    for (u64 at = 0; at < u64{vcpu.arch.pv.ldt_entries} * 8; at += page_size) {
        const Mfn old = perdomain_set(*vcpu.domain, ldt_address(vcpu.id) + at, invalid_mfn);
        if (old == invalid_mfn) continue;
        TypedPageRef::adopt(page_of(old)).reset();
        any = true;
    }
    return any;
}

} // namespace hv
