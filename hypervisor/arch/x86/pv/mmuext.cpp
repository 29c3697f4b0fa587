// SPDX-License-Identifier: MIT
// mmuext_op (xen/xen.h HYPERVISOR_mmuext_op): pinning, page-table base, TLB, LDT, whole pages.
#include "core/debug/printk.hpp"
#include "core/xsm/check.hpp"
#include "irq/irq.hpp"
#include "lib/string.hpp"
#include "mm/layout.hpp"
#include "pv/flush.hpp"
#include "pv/mmu.hpp"
#include "pv/page_type.hpp"
#include "pv/pv.hpp"
#include "pv/subject.hpp"

namespace hv {

namespace {

/// References to an L4 table, which its holder owes back.
Status hold_l4(const Domain& domain, Mfn mfn, bool preemptible) {
    PageRef page = TRY(PageRef::take(mfn, domain));
    TRY(page_get_type(*page, PageType::l4, preemptible));
    page.release();
    return {};
}

Status set_base(Vcpu& vcpu, Mfn mfn, bool user) {
    Mfn& slot = user ? vcpu.arch.guest_table_user : vcpu.arch.guest_table;
    if (mfn == slot) {
        if (!user) flush_guest_local();
        return {};
    }
    if (mfn == Mfn{} && !user) return Errno::inval;
    if (mfn != Mfn{}) TRY(hold_l4(*vcpu.domain, mfn, true));
    const Mfn old = slot;
    slot = mfn;
    if (!user) {
        static_cast<void>(pv_drop_ldt_pages(vcpu)); // its addresses mean something else now
        pv_load_cr3(vcpu);
    }
    if (old != Mfn{}) {
        if (!page_put_type(page_of(old), true)) note_old_table(page_of(old));
        page_put(page_of(old));
    }
    return {};
}

Status set_ldt(Vcpu& vcpu, u64 base, u32 entries) {
    constexpr u32 max_entries = 8192;
    if (entries > max_entries || (base & ~page_mask) || (entries && !guest_range_ok(base, u64{entries} * 8)))
        return Errno::inval;
    PvVcpu& pv = vcpu.arch.pv;
    if (pv.ldt_base == base && pv.ldt_entries == entries) return {};
    if (pv_drop_ldt_pages(vcpu)) flush_guest_local();
    pv.ldt_base = base;
    pv.ldt_entries = entries;
    pv_load_ldt(vcpu);
    return {};
}

Status clear_or_copy(const mmuext_op_t& op, Domain& domain) {
    const TypedPageRef to = TRY(TypedPageRef::take(Mfn{op.arg1.mfn}, domain, PageType::writable));
    if (op.cmd == MMUEXT_CLEAR_PAGE) {
        memset(map_of(*to), 0, page_size);
        return {};
    }
    const PageRef from = TRY(PageRef::take(Mfn{op.arg2.src_mfn}, domain));
    memcpy(map_of(*to), map_of(*from), page_size);
    return {};
}

void write_back_caches(void*) { asm volatile("wbinvd" ::: "memory"); }

Status flush_cache(bool everywhere, const Domain& caller) {
    if (!caller.is_hardware && caller.iomem_allowed.empty()) return Errno::access;
    if (everywhere)
        smp_call(online_cpus, write_back_caches, nullptr, true);
    else
        write_back_caches(nullptr);
    return {};
}

Status one_op(const mmuext_op_t& op, Domain& frames) {
    Vcpu& vcpu = current();
    const bool own = &frames == vcpu.domain;
    switch (op.cmd) {
    case MMUEXT_PIN_L1_TABLE:
    case MMUEXT_PIN_L2_TABLE:
    case MMUEXT_PIN_L3_TABLE:
    case MMUEXT_PIN_L4_TABLE:
        return pv_pin_table(frames, Mfn{op.arg1.mfn}, table_type(op.cmd - MMUEXT_PIN_L1_TABLE + 1), true);
    case MMUEXT_UNPIN_TABLE: return pv_unpin_table(frames, Mfn{op.arg1.mfn}, true);
    case MMUEXT_CLEAR_PAGE:
    case MMUEXT_COPY_PAGE: return clear_or_copy(op, frames);
    case MMUEXT_MARK_SUPER:
    case MMUEXT_UNMARK_SUPER:
        return Errno::opnotsupp; // large guest pages are not offered (as Xen without allowsuperpage)
    default: break;
    }
    if (!own) return Errno::perm;
    switch (op.cmd) {
    case MMUEXT_NEW_BASEPTR:
    case MMUEXT_NEW_USER_BASEPTR: return set_base(vcpu, Mfn{op.arg1.mfn}, op.cmd == MMUEXT_NEW_USER_BASEPTR);
    case MMUEXT_TLB_FLUSH_LOCAL: flush_guest_local(); return {};
    case MMUEXT_INVLPG_LOCAL:
        if (guest_address_ok(op.arg1.linear_addr)) tlb_flush_local_page(op.arg1.linear_addr);
        return {};
    case MMUEXT_TLB_FLUSH_MULTI: return flush_guest_vcpus(reinterpret_cast<u64>(op.arg2.vcpumask.p), ~u64{0});
    case MMUEXT_INVLPG_MULTI: return flush_guest_vcpus(reinterpret_cast<u64>(op.arg2.vcpumask.p), op.arg1.linear_addr);
    case MMUEXT_TLB_FLUSH_ALL: flush_guest_cpus(domain_dirty_cpus(*vcpu.domain), ~u64{0}); return {};
    case MMUEXT_INVLPG_ALL: flush_guest_cpus(domain_dirty_cpus(*vcpu.domain), op.arg1.linear_addr); return {};
    case MMUEXT_FLUSH_CACHE:
    case MMUEXT_FLUSH_CACHE_GLOBAL: return flush_cache(op.cmd == MMUEXT_FLUSH_CACHE_GLOBAL, *vcpu.domain);
    case MMUEXT_SET_LDT: return set_ldt(vcpu, op.arg1.linear_addr, op.arg2.nr_ents);
    default: return Errno::nosys;
    }
}

} // namespace

void flush_guest_cpus(const CpuMask& mask, u64 address) {
    if (address == ~u64{0})
        tlb_flush_mask(mask);
    else if (guest_address_ok(address))
        tlb_flush_page_mask(mask, address);
}

Status flush_guest_vcpus(u64 bitmap_address, u64 address) {
    Domain& domain = *current().domain;
    u8 bitmap[1024] = {}; // 8192 vCPUs
    const u32 bytes = min_of<u32>((domain.max_vcpus + 7) / 8, sizeof(bitmap));
    if (!copy_from_guest(bitmap, bitmap_address, bytes)) return Errno::fault;
    CpuMask mask;
    for_each_vcpu(domain, [&](Vcpu& vcpu) {
        if (const CpuId cpu = vcpu.arch.loaded_on.load(); cpu != no_cpu && test_bit(vcpu.id, bitmap)) mask.set(cpu);
    });
    flush_guest_cpus(mask, address);
    return {};
}

Status pv_pin_table(Domain& domain, Mfn mfn, PageType type, bool preemptible) {
    PageRef page = TRY(PageRef::take(mfn, domain));
    TRY(page_get_type(*page, type, preemptible));
    // Two CPUs may pin at once: only one pin holds references.
    if (page->type_.fetch_or(TypeBits::pinned) & TypeBits::pinned) {
        static_cast<void>(page_put_type(*page));
        return Errno::inval;
    }
    static_cast<void>(page.release());
    return {};
}

Status pv_unpin_table(Domain& domain, Mfn mfn, bool preemptible) {
    const PageRef page = TRY(PageRef::take(mfn, domain));
    if (!(page->type_.fetch_and(~TypeBits::pinned) & TypeBits::pinned)) return Errno::inval;
    if (!page_put_type(*page, preemptible)) note_old_table(*page);
    page_put(*page); // the pin's
    return {};
}

Status pv_set_guest_tables(Vcpu& vcpu, Mfn kernel, Mfn user, bool preemptible) {
    TRY(hold_l4(*vcpu.domain, kernel, preemptible));
    TypedPageRef held = TypedPageRef::adopt(page_of(kernel));
    if (user != Mfn{}) TRY(hold_l4(*vcpu.domain, user, preemptible));
    vcpu.arch.guest_table_user = user;
    vcpu.arch.guest_table = mfn_of(held.release());
    return {};
}

Status pv_drop_guest_tables(Vcpu& vcpu) {
    TRY(pv_finish_old_table(vcpu));
    for (Mfn* slot : {&vcpu.arch.guest_table, &vcpu.arch.guest_table_user}) {
        const Mfn old = *slot;
        *slot = Mfn{};
        if (old == Mfn{}) continue;
        const Status put = page_put_type(page_of(old), true);
        if (!put) vcpu.arch.old_guest_table = old;
        page_put(page_of(old));
        if (!put) return put;
    }
    return {};
}

Result<s64> hypercall::mmuext_op(HypercallArgs& args) {
    if (!pv_finish_old_table(current())) return Errno::restart;
    Batch batch(args);
    DomainRef ref;
    Domain* frames = TRY(Subject::find(static_cast<u16>(args.a[3]), ref));
    if (ref) TRY(xsm_check(XsmOp::mmuext_op, *frames));
    const GuestIn<mmuext_op_t> ops(args.a[0]);
    for (; batch.left(); batch.next()) {
        if (batch.should_stop()) return batch.restart(sizeof(mmuext_op_t));
        mmuext_op_t op;
        if (!ops.offset(batch.at()).read(op)) return batch.finish(Errno::fault);
        if (const Status done = one_op(op, *frames); !done) [[unlikely]] {
            if (done.error() == Errno::restart) return batch.restart(sizeof(mmuext_op_t));
            log_guest("d{} mmuext_op {} mfn {:x}: error {}", frames->id, op.cmd, op.arg1.mfn, done.error());
            return batch.finish(done);
        }
    }
    if (current().arch.old_guest_table != Mfn{}) return batch.restart(sizeof(mmuext_op_t));
    return batch.finish({});
}

} // namespace hv
