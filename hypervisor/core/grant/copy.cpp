// SPDX-License-Identifier: MIT
// GNTTABOP_copy. Consecutive operations often name the same page on one side: it stays acquired between them.
#include "core/grant/table.hpp"

namespace hv {

namespace {

/// A page held for copying.
class CopyPage : NoCopy {
  public:
    ~CopyPage() { release(); }
    GrantCode take(Mfn mfn, const Domain& owner, bool readonly) {
        if (!granted_page_get(mfn, owner, readonly)) return GNTST_general_error;
        page_ = &page_of(mfn);
        readonly_ = readonly;
        return GNTST_okay;
    }
    void release() {
        if (page_) granted_page_put(*page_, readonly_);
        page_ = nullptr;
    }
    /// After a take() that succeeded.
    [[nodiscard]] u8* data() { return static_cast<u8*>(map_of(*page_)); } // NOLINT(clang-analyzer-core.NonNull*)

  private:
    PageInfo* page_ = nullptr;
    bool readonly_ = false;
};

/// A grant pinned for copying, with those that it leads to (transitive grants: one step, to a third domain).
class CopyGrant : NoCopy {
  public:
    ~CopyGrant() { release(); }

    GrantCode acquire(Domain& granter, GrantRef ref, Domid grantee, bool readonly) {
        if (const GrantCode code = step(granter, ref, grantee, readonly)) return code;
        if (!last().transitive) return take_page(readonly);
        if (last().trans_domain == granter.id) { // as Xen: no grant of its own grant
            release();
            return GNTST_general_error;
        }
        const Result<DomainRef> third = DomainRef::find(last().trans_domain);
        // The granter must be allowed by the third domain; and no chain of more than two.
        const GrantCode code = third.ok() && third.value()->grants
                                   ? step(*third.value(), last().trans_ref, granter.id, readonly)
                                   : s16{GNTST_general_error};
        if (code == GNTST_okay && !last().transitive) return take_page(readonly);
        release();
        return code ? code : s16{GNTST_general_error};
    }
    void release() {
        page_.release();
        while (steps_) {
            Step& step = step_[--steps_];
            {
                LockedGrant grant(*step.granter->grants, step.ref, true);
                grant_unpin(*step.granter->grants, grant, step.ref, false, step.readonly);
            }
            step.granter.reset();
        }
    }
    [[nodiscard]] u8* data() { return page_.data(); }
    /// May bytes [offset, offset + length) of the page be copied?
    [[nodiscard]] bool covers(u32 offset, u32 length) const {
        const Step& s = step_[steps_ - 1];
        return offset >= s.offset && offset + length <= u32{s.offset} + s.length;
    }

  private:
    struct Step {
        DomainRef granter;
        GrantRef ref;
        bool readonly, transitive;
        Domid trans_domain;
        GrantRef trans_ref;
        Mfn mfn;
        u16 offset, length;
    };
    Step& last() { return step_[steps_ - 1]; }

    GrantCode step(Domain& granter, GrantRef ref, Domid grantee, bool readonly) {
        LockedGrant grant(*granter.grants, ref);
        if (!grant) return GNTST_bad_gntref;
        if (const GrantCode code = grant_pin(*granter.grants, grant, ref, grantee, false, readonly, GrantUse::copy))
            return code;
        step_[steps_++] = {DomainRef::share(granter),
                           ref,
                           readonly,
                           grant->transitive,
                           Domid{grant->trans_domain},
                           GrantRef{grant->trans_ref},
                           Mfn{grant->frame},
                           grant->offset,
                           grant->length};
        return GNTST_okay;
    }
    GrantCode take_page(bool readonly) {
        const GrantCode code = page_.take(last().mfn, *last().granter, readonly);
        if (code) release();
        return code;
    }

    Step step_[2];
    u32 steps_ = 0;
    CopyPage page_;
};

/// One side of the copies: the page acquired last.
class Side {
  public:
    explicit Side(bool is_dest) : dest_(is_dest) {}

    GrantCode use(const gnttab_copy::gnttab_copy_ptr& ptr, bool by_ref) {
        const u64 name = by_ref ? ptr.u.ref : ptr.u.gmfn;
        if (held_ && by_ref_ == by_ref && domid_ == ptr.domid && name_ == name) return GNTST_okay;
        release();
        const GrantCode code = by_ref ? acquire_ref(ptr) : acquire_frame(ptr);
        held_ = code == GNTST_okay;
        by_ref_ = by_ref;
        domid_ = ptr.domid;
        name_ = name;
        return code;
    }
    void release() {
        grant_.release();
        page_.release();
        held_ = false;
    }
    [[nodiscard]] bool covers(u32 offset, u32 length) const { return !by_ref_ || grant_.covers(offset, length); }
    [[nodiscard]] u8* data() { return by_ref_ ? grant_.data() : page_.data(); }

  private:
    GrantCode acquire_ref(const gnttab_copy::gnttab_copy_ptr& ptr) {
        Domain& self = *current().domain;
        Domain* granter = ptr.domid == DOMID_SELF ? &self : cache_.find(ptr.domid);
        return granter ? grant_.acquire(*granter, GrantRef{ptr.u.ref}, self.id, !dest_) : s16{GNTST_bad_domain};
    }
    GrantCode acquire_frame(const gnttab_copy::gnttab_copy_ptr& ptr) {
        if (ptr.domid != DOMID_SELF) // frames are named only by their owner
            return GNTST_permission_denied;
        return page_.take(Mfn{ptr.u.gmfn}, *current().domain, !dest_);
    }

    const bool dest_;
    bool held_ = false, by_ref_ = false;
    u16 domid_ = 0;
    u64 name_ = 0;
    CopyGrant grant_;
    CopyPage page_;
    DomainCache cache_;
};

GrantCode copy_one(const gnttab_copy_t& op, Side& source, Side& dest) {
    if (u32{op.source.offset} + op.len > page_size || u32{op.dest.offset} + op.len > page_size)
        return GNTST_bad_copy_arg;
    if (const GrantCode code = source.use(op.source, (op.flags & GNTCOPY_source_gref) != 0)) return code;
    if (const GrantCode code = dest.use(op.dest, (op.flags & GNTCOPY_dest_gref) != 0)) return code;
    if (!source.covers(op.source.offset, op.len) || !dest.covers(op.dest.offset, op.len)) return GNTST_general_error;
    __builtin_memcpy(dest.data() + op.dest.offset, source.data() + op.source.offset, op.len);
    return GNTST_okay;
}

} // namespace

Status grant_op::copy(u64& args, u64& count) {
    Side source(false), dest(true);
    return for_each_op<gnttab_copy_t>(
        args, count, [&](gnttab_copy_t& op) { op.status = copy_one(op, source, dest); },
        [&] { // the guest may change what its grants name as soon as it sees the results
            source.release();
            dest.release();
        });
}

} // namespace hv
