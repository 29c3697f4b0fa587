// SPDX-License-Identifier: MIT
#include "cpu/gdt_tss.hpp"

#include "boot/image.hpp"
#include "cpu/cpu_info.hpp"
#include "cpu/cpu_init.hpp"
#include "cpu/cr.hpp"
#include "lib/percpu.hpp"

namespace hv {

namespace {

struct alignas(page_size) GdtPage {
    u64 entries[512];
};
// The boot CPU's is in the image; the others' are allocated when their CPU comes up.
GdtPage boot_gdt_page;
struct DescriptorState {
    GdtPage* gdt = nullptr;
    Mfn frame{};
    Tss tss{};
};
PerCpu<DescriptorState> states;

constexpr unsigned index_of(u16 selector) { return (selector - gdt_reserved_base) / 8; }
constexpr u64 type_tss = 9, type_ldt = 2;

/// 16-byte system descriptor (APM vol.2 4.8.3).
void set_system_descriptor(GdtPage& page, u16 selector, u64 base, u32 limit, u64 type) {
    u64* slot = &page.entries[index_of(selector)];
    slot[0] = (limit & 0xffff) | (base & 0xffffff) << 16 | type << 40 | u64{1} << 47 | (u64{limit} >> 16 & 0xf) << 48 |
              (base >> 24 & 0xff) << 56;
    slot[1] = base >> 32;
}

void fill(GdtPage& page, CpuId cpu, const Tss& tss) {
    page.entries[index_of(selector_hv_cs)] = 0x00af9b000000ffff; // ring 0 code, 64-bit
    page.entries[index_of(selector_hv_ds)] = 0x00cf93000000ffff; // ring 0 data
    page.entries[index_of(0xe020)] = 0x00cffb000000ffff;         // ring 3 code, 32-bit
    page.entries[index_of(0xe028)] = 0x00cff3000000ffff;         // ring 3 data
    page.entries[index_of(0xe030)] = 0x00affb000000ffff;         // ring 3 code, 64-bit
    page.entries[index_of(selector_cpu_number)] = 0x0040f10000000000 | (cpu & 0xffff);
    set_system_descriptor(page, selector_tss, reinterpret_cast<u64>(&tss), sizeof(Tss) - 1, type_tss);
}

void load_segments() {
    asm volatile("pushq %0\n leaq 1f(%%rip), %%rax\n pushq %%rax\n lretq\n1:\n"
                 "movl %1, %%eax\n movl %%eax, %%ss\n xorl %%eax, %%eax\n"
                 "movl %%eax, %%ds\n movl %%eax, %%es\n movl %%eax, %%fs\n movl %%eax, %%gs" ::"i"(selector_hv_cs),
                 "i"(0)
                 : "rax", "memory");
}

} // namespace

void gdt_tss_init(CpuId cpu) {
    DescriptorState& s = states.on(cpu);
    if (!s.gdt) {
        HV_BUG_ON(cpu != 0);
        s.gdt = &boot_gdt_page;
        s.frame = Mfn{image_maddr(&boot_gdt_page) >> page_shift};
    }
    CpuInfo& info = cpu_info();
    const u64 stack = reinterpret_cast<u64>(&info) & ~(stack_size - 1);
    s.tss = {};
    s.tss.rsp[0] = reinterpret_cast<u64>(&info.regs.es);
    s.tss.ist[ist_mce - 1] = stack + (ist_mce_page + 1) * page_size;
    s.tss.ist[ist_nmi - 1] = stack + (ist_nmi_page + 1) * page_size;
    s.tss.ist[ist_df - 1] = stack + (ist_df_page + 1) * page_size;
    s.tss.ist[ist_db - 1] = stack + ist_df_page * page_size + page_size / 2; // a double fault does not come back
    s.tss.io_map_base = sizeof(Tss); // behind the limit: every port access of a guest faults
    fill(*s.gdt, cpu, s.tss);
    load_gdt({gdt_limit, cpu_gdt_base(cpu)});
    load_segments();
    load_tr(selector_tss);
    load_ldt(0);
}

void gdt_set_page(CpuId cpu, void* page, Mfn frame) {
    states.on(cpu).gdt = static_cast<GdtPage*>(page);
    states.on(cpu).frame = frame;
}

Mfn cpu_gdt_frame(CpuId cpu) { return states.on(cpu).frame; }
u64 cpu_gdt_base(CpuId cpu) { return reinterpret_cast<u64>(states.on(cpu).gdt) - gdt_reserved_base; }

void cpu_set_ldt(u64 base, u32 entries) {
    if (!entries) return load_ldt(0);
    set_system_descriptor(*states.get().gdt, selector_ldt, base, entries * 8 - 1, type_ldt);
    load_ldt(selector_ldt);
}

} // namespace hv
