// SPDX-License-Identifier: MIT
// Writable page tables (VMASST_TYPE_writable_pagetables): the guest maps its L1 tables read-only and writes to them all
// the same; the write faults and is carried out as a checked update.
#include "core/hypercall/guest_ptr.hpp"
#include "lib/string.hpp"
#include "pv/l1_slot.hpp"
#include "pv/mmu.hpp"
#include "pv/write_decode.hpp"
#include "traps/traps.hpp"

namespace hv {

namespace {

void to_write_regs(const UserRegs& r, WriteRegs& out) {
    out = {
        {r.rax, r.rcx, r.rdx, r.rbx, r.rsp, r.rbp, r.rsi, r.rdi, r.r8, r.r9, r.r10, r.r11, r.r12, r.r13, r.r14, r.r15},
        r.rflags,
        r.rip};
}
void from_write_regs(const WriteRegs& w, UserRegs& r) {
    u64* const to[16] = {&r.rax, &r.rcx, &r.rdx, &r.rbx, &r.rsp, &r.rbp, &r.rsi, &r.rdi,
                         &r.r8,  &r.r9,  &r.r10, &r.r11, &r.r12, &r.r13, &r.r14, &r.r15};
    for (unsigned i = 0; i < 16; ++i)
        *to[i] = w.gpr[i];
    r.rflags = w.flags;
    r.rip = w.rip;
}

unsigned fetch(u64 rip, u8 (&code)[15]) {
    const unsigned in_page = static_cast<unsigned>(min_of<u64>(sizeof(code), page_size - (rip & ~page_mask)));
    if (!copy_from_guest(code, rip, in_page)) return 0;
    const bool rest = in_page < sizeof(code) && copy_from_guest(code + in_page, rip + in_page, sizeof(code) - in_page);
    return rest ? sizeof(code) : in_page;
}

} // namespace

bool pv_ptwr_fault(UserRegs& regs, u64 address, u32 error_code) {
    Vcpu& vcpu = current();
    constexpr u32 care = PfError::present | PfError::write | PfError::reserved;
    if ((error_code & care) != (PfError::present | PfError::write) || !vcpu.arch.pv.kernel_mode) return false;
    const L1e mapping{pv_walk_to(vcpu.arch.guest_table, address, 1)};
    if (!mapping.present() || mapping.writable()) return false;
    const u64 entry = (mapping.mfn().raw() << page_shift) + (address & 0xff8);
    const Result<L1Slot> slot = L1Slot::at(entry, *vcpu.domain);
    if (!slot) return false;
    u8 code[15];
    const unsigned size = fetch(regs.rip, code);
    for (;;) {
        WriteRegs work;
        to_write_regs(regs, work);
        const u64 old = read_once(**slot.value());
        u64 fresh = old;
        if (!emulate_write(code, size, work, fresh, address & 7)) return false;
        const Status done = l1_update(*slot.value(), fresh, *vcpu.domain, *vcpu.domain, false, &old);
        if (!done && done.error() == Errno::again) continue;
        if (!done) return false;
        from_write_regs(work, regs);
        return true;
    }
}

} // namespace hv
