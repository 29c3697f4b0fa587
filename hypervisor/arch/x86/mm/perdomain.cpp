// SPDX-License-Identifier: MIT
#include "mm/perdomain.hpp"

#include "core/mm/heap.hpp"
#include "cpu/cpuid.hpp"
#include "mm/layout.hpp"
#include "mm/pte.hpp"

namespace hv {

namespace {

constexpr u64 table_flags = PteBits::present | PteBits::rw | PteBits::accessed;

u64* table_below(u64 entry) { return map_as<u64>(Pte<2>{entry}.mfn()); }

bool make_below(u64& entry) {
    if (entry & PteBits::present) return true;
    void* table = alloc_pages(0);
    if (!table) return false;
    write_once(entry, mfn_of_virt(table).raw() << page_shift | table_flags);
    return true;
}

} // namespace

Status perdomain_create(Domain& domain) {
    void* l3 = alloc_pages(0);
    if (!l3) return Errno::no_mem;
    domain.arch.perdomain_l3 = mfn_of_virt(l3);
    return {};
}

void perdomain_destroy(Domain& domain) {
    if (domain.arch.perdomain_l3 == Mfn{}) return;
    u64* l3 = map_as<u64>(domain.arch.perdomain_l3);
    for (unsigned i = 0; i < pte_count; ++i) {
        if (!(l3[i] & PteBits::present)) continue;
        u64* l2 = table_below(l3[i]);
        for (unsigned j = 0; j < pte_count; ++j)
            if (l2[j] & PteBits::present) free_pages(table_below(l2[j]));
        free_pages(l2);
    }
    free_pages(l3);
    domain.arch.perdomain_l3 = Mfn{};
}

Status perdomain_add_vcpu(Domain& domain, VcpuId vcpu) {
    const u64 address = gdt_address(vcpu);
    u64& l3e = map_as<u64>(domain.arch.perdomain_l3)[pte_index(address, 3)];
    if (!make_below(l3e) || !make_below(table_below(l3e)[pte_index(address, 2)])) return Errno::no_mem;
    return {};
}

Mfn perdomain_set(Domain& domain, u64 address, Mfn mfn) {
    const u64 l3e = map_as<u64>(domain.arch.perdomain_l3)[pte_index(address, 3)];
    HV_ASSERT(l3e & PteBits::present);
    const u64 l2e = table_below(l3e)[pte_index(address, 2)];
    HV_ASSERT(l2e & PteBits::present);
    // Not global: the next domain has something else here.
    const u64 flags = table_flags | PteBits::dirty | (cpu_features.nx ? PteBits::nx : 0);
    u64& slot = table_below(l2e)[pte_index(address, 1)];
    const L1e old{slot};
    write_once(slot, mfn == invalid_mfn ? 0 : mfn.raw() << page_shift | flags);
    return old.present() ? old.mfn() : invalid_mfn;
}

} // namespace hv
