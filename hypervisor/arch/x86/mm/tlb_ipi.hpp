// SPDX-License-Identifier: MIT
#pragma once

namespace hv {

void tlb_init(); ///< registers the softirq; called by irq_init()
/// The TLB vector's handler, interrupts off.
void tlb_flush_interrupt();
/// Before anything that drops all of this CPU's non-global translations (a CR3 load without PCID).
void tlb_note_flush();

} // namespace hv
