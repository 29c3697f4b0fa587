// SPDX-License-Identifier: MIT
// XENMEM_exchange: gives frames back and gets as many others, e.g. contiguous ones below an address for a device.
// Done chunk by chunk, a chunk being one extent of the larger of the two orders; a chunk happens wholly or not at all.
#include "core/memory_op/op.hpp"
#include "core/xsm/check.hpp"
#include "mm/m2p.hpp"

namespace hv::memory_op {

namespace {

/// Unowned pages in hand, linked through PageInfo::next.
class PageStack {
  public:
    void push(PageInfo& page) {
        page.next = top_;
        top_ = static_cast<u32>(mfn_of(page).raw());
    }
    PageInfo* pop() {
        if (!top_) return nullptr;
        PageInfo& page = page_of(Mfn{top_});
        top_ = page.next;
        page.next = 0;
        return &page;
    }

  private:
    u32 top_ = 0;
};

struct Exchange {
    Domain& domain;
    xen_memory_exchange_t op;
    AllocFlags flags;
    [[nodiscard]] u32 in_shift() const { ///< in-extents per chunk, as a power of two
        return op.out.extent_order > op.in.extent_order ? op.out.extent_order - op.in.extent_order : 0;
    }
    [[nodiscard]] u32 out_shift() const {
        return op.in.extent_order > op.out.extent_order ? op.in.extent_order - op.out.extent_order : 0;
    }
};

Status steal_chunk(Exchange& x, PageStack& taken) {
    const GuestIn<xen_pfn_t> list(x.op.in.extent_start);
    for (u64 i = 0; i < (u64{1} << x.in_shift()); ++i) {
        xen_pfn_t base;
        TRY(list.offset(x.op.nr_exchanged + i).read(base));
        for (u64 j = 0; j < (u64{1} << x.op.in.extent_order); ++j) {
            const Mfn mfn{base + j};
            if (!mfn_is_ram(mfn) || (page_of(mfn).count_.load() & PageBits::hypervisor)) return Errno::inval;
            TRY(domain_steal_page(x.domain, page_of(mfn)));
            taken.push(page_of(mfn));
        }
    }
    return {};
}

void give_back(Exchange& x, PageStack& taken) {
    while (PageInfo* page = taken.pop())
        if (!domain_assign_page(x.domain, *page).ok()) // dying, or it grew meanwhile
            heap_free(*page, 0);
}

/// Hands the new extents over; a fault loses the guest the news, not the pages.
Status deliver_chunk(Exchange& x, PageStack& fresh) {
    const GuestInOut<xen_pfn_t> list(x.op.out.extent_start);
    const u64 first = (x.op.nr_exchanged >> x.in_shift()) << x.out_shift();
    Status result;
    for (u64 i = 0; i < (u64{1} << x.out_shift()); ++i) {
        PageInfo* extent = fresh.pop();
        const Mfn base = mfn_of(*extent);
        xen_pfn_t gpfn = 0;
        const bool known = list.offset(first + i).read(gpfn).ok();
        for (u64 j = 0; j < (u64{1} << x.op.out.extent_order); ++j) {
            if (Status status = domain_assign_page(x.domain, page_of(base + j)); !status.ok()) {
                heap_free(page_of(base + j), 0);
                result = status.error();
            } else if (known) {
                m2p_set(base + j, gpfn + j);
            }
        }
        if (!known || !list.offset(first + i).write(base.raw()).ok()) result = Errno::fault;
    }
    return result;
}

Status exchange_chunk(Exchange& x) {
    PageStack taken, fresh;
    Status status = steal_chunk(x, taken);
    AllocFlags flags = x.flags;
    flags.no_ref = true;
    for (u64 i = 0; status.ok() && i < (u64{1} << x.out_shift()); ++i) {
        Result<PageInfo*> extent = domain_alloc_pages(x.domain, x.op.out.extent_order, flags);
        if (extent.ok())
            fresh.push(*extent.value());
        else
            status = Errno::no_mem;
    }
    if (!status.ok()) {
        while (PageInfo* extent = fresh.pop())
            heap_free(*extent, x.op.out.extent_order);
        give_back(x, taken);
        return status.error();
    }
    while (PageInfo* page = taken.pop())
        heap_free(*page, 0);
    return deliver_chunk(x, fresh);
}

} // namespace

Result<s64> exchange(HypercallArgs& args) {
    using Op = xen_memory_exchange_t;
    const auto op = TRY(read_guest<Op>(args.a[1]));
    const u32 limit = max_extent_order(*current().domain);
    if (op.in.extent_order > limit || op.out.extent_order > limit) return Errno::perm;
    AllocFlags flags;
    if (op.in.domid != op.out.domid || !parse_mem_flags(op.out.mem_flags, flags) ||
        !exchange_shape_ok(op.in.nr_extents, op.in.extent_order, op.out.nr_extents, op.out.extent_order,
                           op.nr_exchanged))
        return Errno::inval;
    const DomainRef domain = TRY(DomainRef::find_any(Domid{op.in.domid}));
    TRY(xsm_check(XsmOp::memory_exchange, *domain));
    if (domain->is_hvm) return Errno::opnotsupp;
    const GuestOut<Op> out(args.a[1]);
    Exchange x{*domain, op, flags};
    Status status;
    for (bool first = true; status.ok() && x.op.nr_exchanged < op.in.nr_extents; first = false) {
        if (!first && hypercall_preempt_check()) {
            TRY(out.write_field(&Op::nr_exchanged, x.op.nr_exchanged));
            return Errno::restart;
        }
        status = exchange_chunk(x);
        if (status.ok()) x.op.nr_exchanged += u64{1} << x.in_shift();
    }
    TRY(out.write_field(&Op::nr_exchanged, x.op.nr_exchanged));
    TRY(status);
    return 0;
}

} // namespace hv::memory_op
