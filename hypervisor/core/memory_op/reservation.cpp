// SPDX-License-Identifier: MIT
// XENMEM_increase_reservation, _decrease_reservation, _populate_physmap, _claim_pages (xen/memory.h). The result is
// the number of extents done, also after an error; a preempted call goes on at that extent.
#include "core/debug/printk.hpp"
#include "core/memory_op/op.hpp"
#include "core/xsm/check.hpp"
#include "mm/m2p.hpp"

namespace hv::memory_op {

namespace {

struct Work {
    Domain& domain;
    GuestInOut<xen_pfn_t> list;
    u64 count; ///< extents in all
    u64 done;  ///< first extent to do, then the first not done
    u32 order;
    AllocFlags flags;
};
constexpr u64 batch = 64; ///< extents per copy from and to the guest; also the preemption interval

/// Gives back one page; false stops the operation.
bool remove_page(Domain& domain, Mfn mfn) {
    Result<PageRef> page = PageRef::take(mfn, domain);
    // The hypervisor's own pages (shared info, grant frames) are not the guest's to give.
    if (!page.ok() || (page.value()->count_.load() & PageBits::hypervisor)) {
        log_guest("d{}: cannot release frame {:x}: not its own", domain.id.raw(), mfn.raw());
        return false;
    }
    domain_release_page(*page.value());
    return true;
}

/// Each of these does list[0..n) and returns how many extents it did.
u64 decrease(Work& work, xen_pfn_t* list, u64 n) {
    for (u64 i = 0; i < n; ++i)
        for (u64 j = 0; j < (u64{1} << work.order); ++j)
            if (!remove_page(work.domain, Mfn{list[i] + j})) return i;
    return n;
}

/// `named`: the list says where in the guest's own numbering the extents go.
u64 increase(Work& work, xen_pfn_t* list, u64 n, bool named) {
    for (u64 i = 0; i < n; ++i) {
        Result<PageInfo*> page = domain_alloc_pages(work.domain, work.order, work.flags);
        if (!page.ok()) return i;
        const Mfn mfn = mfn_of(*page.value());
        for (u64 j = 0; named && j < (u64{1} << work.order); ++j)
            m2p_set(mfn + j, list[i] + j);
        list[i] = mfn.raw();
    }
    return n;
}

/// True when it stopped to be resumed.
bool run(Work& work, u32 command) {
    // Large extents take long to scrub or to free: fewer between two looks at the clock.
    const u64 step = work.order == 0 ? batch : work.order < 6 ? batch >> work.order : 1;
    for (bool first = true; work.done < work.count; first = false) {
        if (!first && hypercall_preempt_check()) return true;
        xen_pfn_t list[batch];
        const u64 n = work.count - work.done < step ? work.count - work.done : step;
        const auto here = work.list.offset(work.done);
        if (command != XENMEM_increase_reservation && !here.read(list, n).ok()) return false;
        const u64 did = command == XENMEM_decrease_reservation
                            ? decrease(work, list, n)
                            : increase(work, list, n, command == XENMEM_populate_physmap);
        if (command != XENMEM_decrease_reservation && !work.list.null() && !here.out().write(list, did).ok())
            return false;
        work.done += did;
        if (did != n) return false;
    }
    return false;
}

} // namespace

Result<s64> reservation(HypercallArgs& args, u32 command, u64 start) {
    const auto nothing = static_cast<s64>(start);
    xen_memory_reservation_t op;
    if (!GuestIn<xen_memory_reservation_t>(args.a[1]).read(op).ok() || op.nr_extents > memop_max_extents ||
        start >= op.nr_extents || op.extent_order > max_extent_order(*current().domain))
        return nothing;
    const Result<DomainRef> domain = DomainRef::find_any(Domid{op.domid});
    AllocFlags flags;
    if (!domain.ok() || !xsm_check(XsmOp::memory_adjust, *domain.value()).ok() || !parse_mem_flags(op.mem_flags, flags))
        return nothing;
    if (command == XENMEM_populate_physmap && (op.mem_flags & XENMEMF_populate_on_demand))
        return nothing; // for translated domains only
    Work work{*domain.value(), GuestInOut<xen_pfn_t>(op.extent_start), op.nr_extents, start, op.extent_order, flags};
    if (run(work, command)) {
        args.a[0] = memop_resume(command, work.done);
        return Errno::restart;
    }
    return static_cast<s64>(work.done);
}

Result<s64> claim(u64 arg) {
    const auto op = TRY(read_guest<xen_memory_reservation_t>(arg));
    TRY(xsm_check(XsmOp::memory_claim));
    if (GuestIn<xen_pfn_t>(op.extent_start).address() || op.extent_order || op.mem_flags) return Errno::inval;
    const DomainRef domain = TRY(DomainRef::find(Domid{op.domid}));
    TRY(domain_claim_pages(*domain, op.nr_extents));
    return 0;
}

} // namespace hv::memory_op
