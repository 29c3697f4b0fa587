// SPDX-License-Identifier: MIT
// Interrupt flag and busy-wait primitives. The host unit tests put their own header of this name first.
#pragma once

#include "lib/types.hpp"

namespace hv {

inline u64 read_flags() {
    u64 flags;
    asm volatile("pushfq; popq %0" : "=r"(flags)::"memory");
    return flags;
}
inline void irq_disable() { asm volatile("cli" ::: "memory"); }
inline void irq_enable() { asm volatile("sti" ::: "memory"); }
/// Sleeps until an interrupt; STI takes effect after HLT began, so none is lost in between (APM vol.3 STI).
inline void irq_enable_and_halt() { asm volatile("sti; hlt" ::: "memory"); }
inline bool irqs_enabled() { return (read_flags() & 0x200) != 0; }
inline u64 irq_save() {
    const u64 flags = read_flags();
    irq_disable();
    return flags;
}
inline void irq_restore(u64 flags) {
    if (flags & 0x200) irq_enable();
}
void tlb_poll(); ///< mm/tlb.cpp
/// Body of every busy wait. With interrupts off it pays TLB flushes asked of this CPU, since whoever is waited for may
/// be waiting for them.
inline void cpu_relax() {
    asm volatile("pause" ::: "memory");
    if (!irqs_enabled()) tlb_poll();
}

} // namespace hv
