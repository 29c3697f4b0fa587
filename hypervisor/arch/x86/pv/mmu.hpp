// SPDX-License-Identifier: MIT
// PV guests' page tables: the guest writes them only through us, every entry is checked (page_type.cpp).
#pragma once

#include "core/domain/domain.hpp"
#include "mm/pte.hpp"

namespace hv {

// --- building and switching ------------------------------------------------------------------------------------------
/// Fills the hypervisor's slots of an L4 table of `domain`.
void pv_init_l4(Domain& domain, u64* l4);
/// The kernel page table of a vCPU that does not run yet: validates it, takes its references. `user` may be 0.
/// -ERESTART when preempted (preemptible callers).
Status pv_set_guest_tables(Vcpu& vcpu, Mfn kernel, Mfn user, bool preemptible);
/// Gives up the page tables of a vCPU that will not run again; preemptible.
Status pv_drop_guest_tables(Vcpu& vcpu);
Status pv_pin_table(Domain& domain, Mfn mfn, PageType type, bool preemptible);
Status pv_unpin_table(Domain& domain, Mfn mfn, bool preemptible);
/// A put that was preempted (vcpu.arch.old_guest_table) goes on; -ERESTART: come back.
Status pv_finish_old_table(Vcpu& vcpu);

// --- faults
// ------------------------------------------------------------------------------------------------------------
/// #PF of the current guest: a write to an L1 table through a read-only mapping is carried out. True: resume the guest.
bool pv_ptwr_fault(UserRegs& regs, u64 address, u32 error_code);

// --- descriptors
// ---------------------------------------------------------------------------------------------------------
/// May the guest have it in its GDT or LDT? Adjusts privilege level and accessed bit.
bool pv_fix_descriptor(u64& descriptor);
/// Maps page `offset / 4096` of the guest's LDT into its window; on a fault there. False: the guest has none there.
bool pv_map_ldt_page(Vcpu& vcpu, u64 offset);
/// Empties the LDT window (SET_LDT, invalidation of an LDT page, teardown). True when something was mapped.
bool pv_drop_ldt_pages(Vcpu& vcpu);

} // namespace hv
