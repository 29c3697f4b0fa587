// SPDX-License-Identifier: MIT
// update_va_mapping(_otherdomain): one L1 entry of the caller, named by the address that it maps, and its flush.
#include "core/debug/printk.hpp"
#include "core/hypercall/table.hpp"
#include "core/xsm/check.hpp"
#include "pv/flush.hpp"
#include "pv/l1_slot.hpp"
#include "pv/subject.hpp"

namespace hv {

namespace {

Status flush_as_asked(u64 address, u64 flags) {
    const u64 how = flags & UVMF_FLUSHTYPE_MASK, whom = flags & ~u64{UVMF_FLUSHTYPE_MASK};
    if (how == UVMF_NONE) return {};
    if (how != UVMF_TLB_FLUSH && how != UVMF_INVLPG) return Errno::inval;
    const u64 what = how == UVMF_INVLPG ? address : ~u64{0};
    if (whom == UVMF_LOCAL) {
        if (how == UVMF_TLB_FLUSH)
            flush_guest_local();
        else
            tlb_flush_local_page(address);
    } else if (whom == UVMF_ALL) {
        flush_guest_cpus(domain_dirty_cpus(*current().domain), what);
    } else {
        return flush_guest_vcpus(whom, what);
    }
    return {};
}

Result<s64> update(u64 address, u64 value, u64 flags, Domain& frames) {
    {
        Result<L1Slot> slot = L1Slot::of_address(current(), address);
        Status done = slot ? l1_update(*slot.value(), value, *current().domain, frames, false) : Status{slot.error()};
        if (!done) [[unlikely]] {
            log_guest("d{} update_va_mapping {:x} = {:x}: error {}", current().domain->id, address, value,
                      done.error());
            return done.error();
        }
    }
    TRY(flush_as_asked(address, flags));
    return 0;
}

} // namespace

Result<s64> hypercall::update_va_mapping(HypercallArgs& args) {
    return update(args.a[0], args.a[1], args.a[2], *current().domain);
}

Result<s64> hypercall::update_va_mapping_otherdomain(HypercallArgs& args) {
    DomainRef ref;
    Domain* frames = TRY(Subject::find(static_cast<u16>(args.a[3]), ref));
    if (ref) TRY(xsm_check(XsmOp::map_foreign_frame, *frames));
    return update(args.a[0], args.a[1], args.a[2], *frames);
}

} // namespace hv
