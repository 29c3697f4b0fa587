// SPDX-License-Identifier: MIT
// Descriptor tables: gates, ring 0 segments, system segments, tables that are writable, foreign or in the hypervisor.
// Hypothesis: none is taken as it is; a descriptor page is not writable while it is one.
#include "rt/rt.hpp"

using namespace rt;

namespace {

constexpr u64 flat_data3 = 0x00cff3000000ffff, flat_code3 = 0x00affb000000ffff;
constexpr u64 ring0_code = 0x00af9b000000ffff;
constexpr u64 call_gate = 0x0000ec00e0080000, interrupt_gate = 0x0000ee00e0080000, tss = 0x0000e90000000067,
              ldt = 0x0000e20000000fff;

s64 set_gdt(u64 frame, u64 entries = 512) { return hypercall(__HYPERVISOR_set_gdt, address(&frame), entries); }

u64* table() {
    u64* page = reinterpret_cast<u64*>(alloc_page());
    page[1] = flat_data3;
    return page;
}
void protect(u64* page, u64 flags) {
    accepted(update_va(address(page), make_pte(mfn_of(page), flags)), "changing a mapping of ours");
}

void gdt() {
    u64* page = table();
    refused(set_gdt(mfn_of(page)), "a GDT that is mapped writable");
    protect(page, pte_ro);
    accepted(set_gdt(mfn_of(page)), "a GDT that is not");
    refused(update_va(address(page), make_pte(mfn_of(page), pte_kernel)), "the live GDT mapped writable");
    expect(!try_write(page + 2, call_gate) || page[2] == 0, "the live GDT was written directly");
    const u64 at = mfn_of(page) * page_size;
    for (const u64 bad : {call_gate, interrupt_gate, tss, ldt})
        refused(hypercall(__HYPERVISOR_update_descriptor, at + 16, bad), "a system descriptor", static_cast<s64>(bad));
    accepted(hypercall(__HYPERVISOR_update_descriptor, at + 16, flat_code3), "a plain code segment");
    if (hypercall(__HYPERVISOR_update_descriptor, at + 24, ring0_code) >= 0)
        expect((page[3] >> 45 & 3) == 3, "a ring 0 segment", static_cast<s64>(page[3]));
    refused(hypercall(__HYPERVISOR_update_descriptor, at + 4, flat_data3), "a descriptor across two");
    refused(hypercall(__HYPERVISOR_update_descriptor, foreign_mfn() * page_size, flat_data3), "a foreign descriptor");
    refused(hypercall(__HYPERVISOR_update_descriptor, pte_address(address(page)), flat_data3), "a page table entry");
    refused(set_gdt(foreign_mfn()), "a foreign GDT");
    refused(set_gdt(~u64{0} >> 12), "a GDT in no frame");
    refused(set_gdt(pte_address(address(page)) / page_size), "a page table as GDT");
    refused(set_gdt(mfn_of(page), 7169), "a GDT over the hypervisor's entries");
    refused(set_gdt(mfn_of(page), ~u64{0}), "a GDT without end");
    for (const u64 bad : {call_gate, interrupt_gate, tss, ldt, ring0_code}) {
        u64* other = table();
        other[5] = bad;
        protect(other, pte_ro);
        if (set_gdt(mfn_of(other)) >= 0)
            expect(other[5] != bad && (!other[5] || (other[5] >> 45 & 3) == 3), "a GDT with a forbidden descriptor",
                   static_cast<s64>(bad));
    }
    accepted(set_gdt(0, 0), "no GDT");
    protect(page, pte_kernel);
}

void local_table() {
    u64* page = table();
    const auto set = [](u64 base, u32 entries) {
        struct mmuext_op op = {};
        op.cmd = MMUEXT_SET_LDT;
        op.arg1.linear_addr = base;
        op.arg2.nr_ents = entries;
        return mmuext(op);
    };
    refused(set(address(page) + 8, 512), "an LDT that is not page-aligned");
    refused(set(0xffff830000000000, 512), "an LDT in the hypervisor");
    refused(set(address(page), 8193), "an LDT that is too long");
    set(0xfffffffffffff000, 8192); // wraps; whether it is taken or not, nothing may come out of it
    expect(!try_call([] { asm volatile("mov $0x7fff, %eax; mov %eax, %fs"); }), "a selector came out of the wrap");
    // Where nothing is mapped the LDT is empty: loading from it is a fault of ours, not of the hypervisor.
    accepted(set(0x10000000, 512), "an LDT where nothing is");
    expect(!try_call([] { asm volatile("mov $0xf, %eax; mov %eax, %fs"); }), "a selector came out of nothing");
    page[1] = call_gate;
    accepted(set(address(page), 512), "an LDT with a gate");
    expect(!try_call([] { asm volatile("mov $0xf, %eax; mov %eax, %fs"); }), "a gate was loaded as data");
    page[1] = flat_data3;
    protect(page, pte_ro);
    accepted(set(address(page), 512), "a clean LDT");
    expect(try_call([] { asm volatile("mov $0xf, %eax; mov %eax, %fs; xor %eax, %eax; mov %eax, %fs"); }),
           "a good selector did not load", last_trap());
    refused(update_va(address(page), make_pte(mfn_of(page), pte_kernel)), "the LDT in use mapped writable");
    accepted(set(0, 0), "no LDT");
    protect(page, pte_kernel);
}

} // namespace

void run_test() {
    gdt();
    local_table();
}
