// SPDX-License-Identifier: MIT
#include "cpu/cr.hpp"
#include "cpu/gdt_tss.hpp"
#include "irq/irq.hpp"
#include "traps/traps.hpp"

namespace hv {

/// 64-bit gate (APM vol.2 4.8.4).
struct Gate {
    u64 low, high;
};
static Gate idt[256];

static constexpr u64 present = u64{1} << 47, interrupt_gate = u64{14} << 40;

static void set_gate(unsigned vector, u8 ist, u8 dpl) {
    const u64 address = reinterpret_cast<u64>(entry_stubs[vector]);
    idt[vector].low = (address & 0xffff) | u64{selector_hv_cs} << 16 | u64{ist} << 32 | interrupt_gate |
                      u64{dpl} << 45 | present | (address >> 16 & 0xffff) << 48;
    idt[vector].high = address >> 32;
}

void idt_init() {
    if (idt[0].low == 0)
        for (unsigned v = 0; v < 256; ++v) {
            // Guests raise these with int3, into and int 0x80 themselves; the rest #GPs and is looked up in their
            // table.
            const bool from_user = v == Vector::breakpoint || v == Vector::overflow || v == 0x80;
            const u8 ist = v == Vector::nmi             ? ist_nmi
                           : v == Vector::machine_check ? ist_mce
                           : v == Vector::double_fault  ? ist_df
                           : v == Vector::debug         ? ist_db
                                                        : u8{0};
            set_gate(v, ist, from_user ? 3 : 0);
        }
    load_idt({sizeof(idt) - 1, reinterpret_cast<u64>(idt)});
}

} // namespace hv
