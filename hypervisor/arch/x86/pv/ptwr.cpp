// SPDX-License-Identifier: MIT
// Writable page tables (VMASST_TYPE_writable_pagetables): the guest maps its L1 tables read-only and writes to them all
// the same; the write faults and is carried out as a checked update.
#include "pv/l1_slot.hpp"
#include "pv/mmu.hpp"
#include "pv/write_decode.hpp"
#include "traps/traps.hpp"

namespace hv {

bool pv_ptwr_fault(UserRegs& regs, u64 address, u32 error_code) {
    Vcpu& vcpu = current();
    constexpr u32 care = PfError::present | PfError::write | PfError::reserved;
    if ((error_code & care) != (PfError::present | PfError::write) || !vcpu.arch.pv.kernel_mode) return false;
    const L1e mapping{pv_walk_to(vcpu.arch.guest_table, address, 1)};
    if (!mapping.present() || mapping.writable()) return false;
    const u64 entry = (mapping.mfn().raw() << page_shift) + (address & 0xff8);
    const Result<L1Slot> slot = L1Slot::at(entry, *vcpu.domain);
    if (!slot) return false;
    Insn insn;
    if (!insn_fetch(regs, insn)) return false;
    for (;;) {
        UserRegs work = regs;
        const u64 old = read_once(**slot.value());
        u64 fresh = old;
        if (!emulate_write(insn, work, fresh, address & 7)) return false;
        const Status done = l1_update(*slot.value(), fresh, *vcpu.domain, *vcpu.domain, false, &old);
        if (!done && done.error() == Errno::again) continue;
        if (!done) return false;
        regs = work;
        return true;
    }
}

} // namespace hv
