// SPDX-License-Identifier: MIT
// Descriptor tables. The PV ABI (xen/arch-x86/xen-x86_64.h FLAT_RING3_*) fixes selectors 0xe023..0xe033; the guest owns
// the 14 pages before them, and our page is number 14 of every GDT: GDTR.base = window, limit = 15 pages - 1.
#pragma once

#include "lib/frame.hpp"
#include "lib/ids.hpp"

namespace hv {

inline constexpr u16 gdt_reserved_base = 0xe000; ///< first selector of our page
inline constexpr u16 selector_hv_cs = 0xe008, selector_hv_ds = 0xe010;
inline constexpr u16 selector_guest_cs32 = 0xe023, selector_guest_ds = 0xe02b, selector_guest_cs64 = 0xe033;
inline constexpr u16 selector_tss = 0xe040, selector_ldt = 0xe050;
inline constexpr u16 selector_cpu_number = 0xe060; ///< limit = CPU number, for LSL by guests (ring 3)
inline constexpr unsigned gdt_reserved_page = gdt_reserved_base >> 12; // 14
inline constexpr u16 gdt_limit = 0xefff;

/// 64-bit TSS (APM vol.2 12.2.5).
struct [[gnu::packed]] Tss {
    u32 reserved0;
    u64 rsp[3];
    u64 reserved1;
    u64 ist[7];
    u64 reserved2;
    u16 reserved3;
    u16 io_map_base;
};
static_assert(sizeof(Tss) == 104);

inline constexpr u8 ist_mce = 1, ist_nmi = 2, ist_df = 3, ist_db = 4; ///< IDT gate IST numbers

/// Builds this CPU's page and TSS and loads GDTR, TR and the segment registers.
void gdt_tss_init(CpuId cpu);
/// Gives a CPU other than the boot CPU its (zeroed) page before it starts.
void gdt_set_page(CpuId cpu, void* page, Mfn frame);
/// The frame that the running vCPU's window must map at index gdt_reserved_page.
Mfn cpu_gdt_frame(CpuId cpu);
/// GDTR base that needs no per-domain window: for idle and for page tables without one.
u64 cpu_gdt_base(CpuId cpu);
/// Writes the LDT descriptor (16 bytes at selector_ldt) of this CPU's page and loads LDTR; entries == 0: null LDT.
void cpu_set_ldt(u64 base, u32 entries);

} // namespace hv
