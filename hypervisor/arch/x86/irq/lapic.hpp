// SPDX-License-Identifier: MIT
// The local APIC of each CPU, in xAPIC (memory-mapped) or x2APIC (MSR) mode (SDM vol.3 ch.11, APM vol.2 ch.16).
#pragma once

#include "cpu/cpu_init.hpp"
#include "lib/ids.hpp"
#include "lib/types.hpp"

namespace hv {

/// Register offsets of the xAPIC page; x2APIC MSR = 0x800 + offset / 16.
struct LapicReg {
    static constexpr u32 id = 0x20, version = 0x30, tpr = 0x80, eoi = 0xb0, ldr = 0xd0, dfr = 0xe0, svr = 0xf0,
                         isr = 0x100, irr = 0x200, esr = 0x280, lvt_cmci = 0x2f0, icr = 0x300, icr_high = 0x310,
                         lvt_timer = 0x320, lvt_thermal = 0x330, lvt_perf = 0x340, lvt_lint0 = 0x350, lvt_lint1 = 0x360,
                         lvt_error = 0x370, timer_initial = 0x380, timer_current = 0x390, timer_divide = 0x3e0;
};
u32 lapic_read(u32 reg);
void lapic_write(u32 reg, u32 value);
u32 lapic_id(); ///< of this CPU
/// INIT and STARTUP of an AP by APIC id (SDM vol.3 9.4.4); `page` is the start address >> 12.
void lapic_send_init(u32 apic_id);
void lapic_send_startup(u32 apic_id, u8 page);
/// Is `vector` set in this CPU's in-service / request register?

} // namespace hv
