// SPDX-License-Identifier: MIT
// mmu_update (xen/xen.h HYPERVISOR_mmu_update): checked changes of page-table entries and of the M2P.
#include "core/debug/printk.hpp"
#include "core/hypercall/guest_ptr.hpp"
#include "core/hypercall/table.hpp"
#include "core/xsm/check.hpp"
#include "lib/string.hpp"
#include "mm/m2p.hpp"
#include "pv/l1_slot.hpp"
#include "pv/mmu.hpp"
#include "pv/subject.hpp"

namespace hv {

namespace {

bool store_if(u64* slot, u64& seen, u64 value) {
    return __atomic_compare_exchange_n(slot, &seen, value, false, __ATOMIC_ACQ_REL, __ATOMIC_RELAXED);
}

constexpr u64 accessed_dirty = PteBits::accessed | PteBits::dirty;
constexpr u64 reference_bits = PteBits::address | PteBits::rw | PteBits::present;

} // namespace

Status l1_update(u64* slot, u64 value, Domain& owner, Domain& frames, bool keep_accessed_dirty, const u64* expected) {
    const L1e fresh{fix_entry(value)};
    bool taken = false;
    for (u64 seen = read_once(*slot);;) {
        Status ok{};
        const bool same_refs = fresh.present() && ((seen ^ fresh.raw) & reference_bits) == 0;
        if (expected && seen != *expected)
            ok = Errno::again;
        else if (!taken && same_refs)
            ok = l1_flags_ok(fresh, owner) ? Status{} : Status{Errno::inval};
        else if (!taken && (ok = l1e_get(fresh, owner, frames)))
            taken = true;
        if (ok && !store_if(slot, seen, fresh.raw | (keep_accessed_dirty ? seen & accessed_dirty : 0))) continue;
        if (!ok && taken) l1e_put(fresh);
        if (ok && taken) l1e_put(L1e{seen});
        return ok;
    }
}

namespace {

/// Levels 2 to 4; pv_mm lock held.
Status table_update(unsigned level, u64* slot, u64 value, Domain& owner, bool keep_accessed_dirty) {
    if (!guest_slot(level, static_cast<unsigned>(reinterpret_cast<u64>(slot) / 8 % pte_count))) return Errno::inval;
    const u64 fresh = fix_entry(value);
    const u64 old = read_once(*slot);
    if (const Status got = table_entry_get(level, fresh, owner, true); !got) {
        if (const Pte<4> entry{fresh}; got.error() != Errno::restart && mfn_is_ram(entry.mfn()) &&
                                       (page_of(entry.mfn()).type_.load() & TypeBits::partial))
            note_old_table(page_of(entry.mfn()));
        return got;
    }
    for (u64 seen = old; !store_if(slot, seen, fresh | (keep_accessed_dirty ? seen & accessed_dirty : 0));)
        continue; // only the CPU's accessed bit can have changed meanwhile
    if (!table_entry_put(old, true)) note_old_table(page_of(Pte<4>{old}.mfn()));
    return {};
}

/// The page that consecutive requests write to, held between them.
class Target : NoCopy {
  public:
    explicit Target(Domain& owner) : owner_(owner) {}
    ~Target() { drop(); }

    Status write(u64 address, u64 value, Domain& frames, bool keep_accessed_dirty) {
        const Mfn mfn{address >> page_shift};
        if (!page_ || mfn_of(*page_) != mfn) {
            drop();
            page_ = &TRY(PageRef::take(mfn, owner_)).release();
            is_l1_ = page_get_validated(*page_, PageType::l1);
        }
        u64* slot = map_as<u64>(mfn) + (address & ~page_mask) / 8;
        if (is_l1_) [[likely]]
            return l1_update(slot, value, owner_, frames, keep_accessed_dirty);
        {
            const Guard guard(owner_.arch.pv_mm_lock);
            const u64 bits = page_->type_.load();
            if ((bits & TypeBits::validated) && is_table(type_of(bits)) && level_of(type_of(bits)) > 1)
                return table_update(level_of(type_of(bits)), slot, value, owner_, keep_accessed_dirty);
        }
        TRY(page_get_type(*page_, PageType::writable));
        write_once(*slot, value);
        static_cast<void>(page_put_type(*page_));
        return {};
    }

  private:
    void drop() {
        if (!page_) return;
        is_l1_ ? page_put_typed(*page_) : page_put(*page_);
        page_ = nullptr;
    }
    Domain& owner_;
    PageInfo* page_ = nullptr;
    bool is_l1_ = false;
};

Status one_update(const mmu_update_t& request, Target& target, Domain& frames) {
    const u64 address = request.ptr & ~u64{7};
    switch (request.ptr & 7) {
    case MMU_NORMAL_PT_UPDATE:
    case MMU_PT_UPDATE_NO_TRANSLATE: return target.write(address, request.val, frames, false);
    case MMU_PT_UPDATE_PRESERVE_AD: return target.write(address, request.val, frames, true);
    case MMU_MACHPHYS_UPDATE: {
        const PageRef page = TRY(PageRef::take(Mfn{request.ptr >> page_shift}, frames));
        m2p_set(page.mfn(), request.val);
        return {};
    }
    default: return Errno::nosys;
    }
}

} // namespace

Result<Domain*> Subject::find(u16 id, DomainRef& ref) {
    Domain& caller = *current().domain;
    if (id == domid_self.raw() || id == caller.id.raw()) return &caller;
    if (id == domid_io.raw()) return dom_io;
    if (id == domid_xen.raw()) return caller.is_privileged ? Result<Domain*>(dom_xen) : Result<Domain*>(Errno::perm);
    ref = TRY(DomainRef::find(Domid{id}));
    return &*ref;
}

Result<s64> hypercall::mmu_update(HypercallArgs& args) {
    if (!pv_finish_old_table(current())) return Errno::restart;
    Batch batch(args);
    DomainRef frames_ref, owner_ref;
    Domain* frames = TRY(Subject::find(static_cast<u16>(args.a[3]), frames_ref));
    const u16 table_owner = static_cast<u16>(args.a[3] >> 16);
    Domain* owner = table_owner ? TRY(Subject::find(static_cast<u16>(table_owner - 1), owner_ref)) : current().domain;
    if (frames_ref) TRY(xsm_check(XsmOp::map_foreign_frame, *frames));
    if (owner != current().domain) TRY(xsm_check(XsmOp::mmu_update, *owner));
    if (owner->is_hvm) return Errno::inval;

    constexpr u32 chunk_size = 16;
    mmu_update_t chunk[chunk_size];
    Target target(*owner);
    const GuestIn<mmu_update_t> requests(args.a[0]);
    while (batch.left()) {
        const u32 in_chunk = min_of(batch.left(), chunk_size);
        if (!requests.offset(batch.at()).read(chunk, in_chunk)) return batch.finish(Errno::fault);
        for (u32 i = 0; i < in_chunk; ++i) {
            if (batch.should_stop()) return batch.restart(sizeof(mmu_update_t));
            if (const Status done = one_update(chunk[i], target, *frames); !done) [[unlikely]] {
                if (done.error() == Errno::restart) return batch.restart(sizeof(mmu_update_t));
                log_guest("d{} mmu_update ptr {:x} val {:x}: error {}", owner->id, chunk[i].ptr, chunk[i].val,
                          done.error());
                return batch.finish(done);
            }
            batch.next();
        }
    }
    if (current().arch.old_guest_table != Mfn{}) return batch.restart(sizeof(mmu_update_t));
    return batch.finish({});
}

} // namespace hv
