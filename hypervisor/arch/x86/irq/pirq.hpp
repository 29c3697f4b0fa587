// SPDX-License-Identifier: MIT
// A domain's own numbering of the machine IRQs it was given (PIRQs), and their bindings to event channels.
#pragma once

#include "irq/desc.hpp"

namespace hv {

struct Pirq {
    u32 irq = 0; ///< machine IRQ + 1; 0: not mapped
    bool bound = false;
    bool reserved = false; ///< handed out by PHYSDEVOP_get_free_pirq
};

struct PirqTable {
    SpinLock lock{LockRank::pirq};
    u32 count = 0;
    Pirq* entries = nullptr;
    TypedPageRef eoi_page; ///< PHYSDEVOP_pirq_eoi_gmfn: bit set = needs the EOI hypercall
};

/// -ENOSPC. GSIs keep their number where they can; MSIs come from above them.
Result<u32> pirq_get_free(Domain& domain, bool msi);
u32 pirq_of_irq(Domain& domain, u32 irq); ///< ~0U: not mapped
/// Gives `irq` to the domain as `pirq`. Fails when the pirq means another IRQ already (-EEXIST).
Status pirq_map(Domain& domain, u32 pirq, u32 irq);
Status pirq_unmap(Domain& domain, u32 pirq); ///< unbinds; an MSI is given up
Port pirq_port(Domain& domain, u32 pirq);    ///< its event channel, 0: not bound
bool pirq_needs_eoi(Domain& domain, u32 pirq);
bool pirq_shared(Domain& domain, u32 pirq);
void pirq_restore_msi(PciAddress device); ///< writes the messages anew (device was reset)
Status pirq_set_eoi_page(Domain& domain, Mfn mfn);

} // namespace hv
