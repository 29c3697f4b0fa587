// SPDX-License-Identifier: MIT
// Grant entries as the hypervisor sees them (xen/grant_table.h, versions 1 and 2). The granting guest can write an
// entry at any time: each word is read once, and a v1 entry's flags and domain change in one compare-exchange.
#pragma once

#include "abi/xen.hpp"
#include "lib/atomic.hpp"
#include "lib/frame.hpp"
#include "lib/ids.hpp"

namespace hv {

using GrantCode = s16; ///< GNTST_*

/// What a pinned entry grants.
struct GrantFacts {
    u16 flags = 0;
    u64 frame = 0;
    bool sub_page = false;
    u16 offset = 0, length = static_cast<u16>(page_size); ///< bytes of the page that may be copied
    bool transitive = false;
    Domid trans_domain{};
    GrantRef trans_ref{};
};

enum class GrantUse : u8 { map, copy };

class GrantEntry {
  public:
    explicit GrantEntry(grant_entry_v1_t& entry) : v1_(&entry) {}
    GrantEntry(grant_entry_v2_t& entry, grant_status_t& status) : v2_(&entry), status_(&status) {}

    /// Marks the entry in use by `grantee`, provided it grants that. On success the guest may not revoke it.
    [[nodiscard]] GrantCode pin(Domid grantee, bool readonly, GrantUse use) {
        return v1_ ? pin_v1(grantee, readonly) : pin_v2(grantee, readonly, use);
    }
    void unpin(bool reading, bool writing) {
        const u16 bits = static_cast<u16>((reading ? GTF_reading : 0) | (writing ? GTF_writing : 0));
        if (bits) in_use().fetch_and(static_cast<u16>(~bits));
    }
    /// After pin(): what was granted.
    [[nodiscard]] GrantFacts facts() const {
        GrantFacts f;
        f.flags = read_once(header().flags);
        if (v1_) {
            f.frame = read_once(v1_->frame);
            return f;
        }
        if ((f.flags & GTF_type_mask) == GTF_transitive) {
            f.transitive = true;
            f.trans_domain = Domid{read_once(v2_->transitive.trans_domid)};
            f.trans_ref = GrantRef{read_once(v2_->transitive.gref)};
        } else if (f.flags & GTF_sub_page) {
            f.sub_page = true;
            f.frame = read_once(v2_->sub_page.frame);
            f.offset = read_once(v2_->sub_page.page_off);
            f.length = read_once(v2_->sub_page.length);
        } else {
            f.frame = read_once(v2_->full_page.frame);
        }
        return f;
    }

    /// GTF_accept_transfer: commits the entry to a transfer by `giver`. False: it does not (or no longer) accept.
    [[nodiscard]] bool commit_transfer(Domid giver) {
        constexpr u16 want = GTF_accept_transfer;
        u32 seen = word().load();
        for (int attempt = 0; attempt < 5; ++attempt) {
            if ((flags_of(seen) & ~GTF_readonly) != want || domain_of(seen) != giver) return false;
            if (word().compare_exchange(seen, seen | GTF_transfer_committed)) return true;
        }
        return false;
    }
    [[nodiscard]] u64 transfer_gfn() const { return v1_ ? read_once(v1_->frame) : read_once(v2_->full_page.frame); }
    void complete_transfer(Mfn mfn) {
        if (v1_)
            write_once(v1_->frame, static_cast<u32>(mfn.raw()));
        else
            write_once(v2_->full_page.frame, mfn.raw());
        flags().fetch_or(GTF_transfer_completed);
    }

  private:
    [[nodiscard]] static u16 flags_of(u32 word) { return static_cast<u16>(word); }
    [[nodiscard]] static Domid domain_of(u32 word) { return Domid{static_cast<u16>(word >> 16)}; }
    [[nodiscard]] const grant_entry_header_t& header() const {
        return v1_ ? *reinterpret_cast<const grant_entry_header_t*>(v1_) : v2_->hdr;
    }
    [[nodiscard]] Atomic<u32>& word() { return *reinterpret_cast<Atomic<u32>*>(v1_ ? static_cast<void*>(v1_) : v2_); }
    [[nodiscard]] Atomic<u16>& flags() { return *reinterpret_cast<Atomic<u16>*>(v1_ ? static_cast<void*>(v1_) : v2_); }
    [[nodiscard]] Atomic<u16>& in_use() { return v1_ ? flags() : *reinterpret_cast<Atomic<u16>*>(status_); }

    [[nodiscard]] GrantCode pin_v1(Domid grantee, bool readonly) {
        u32 seen = word().load();
        for (int attempt = 0; attempt < 5; ++attempt) {
            if ((flags_of(seen) & GTF_type_mask) != GTF_permit_access || domain_of(seen) != grantee)
                return GNTST_general_error;
            if (!readonly && (flags_of(seen) & GTF_readonly)) return GNTST_permission_denied;
            if (word().compare_exchange(seen, seen | GTF_reading | (readonly ? 0 : GTF_writing))) return GNTST_okay;
        }
        return GNTST_general_error; // the guest keeps changing it
    }

    [[nodiscard]] GrantCode check_v2(u32 seen, Domid grantee, bool readonly, GrantUse use) const {
        const u16 flags = flags_of(seen);
        const u16 type = flags & GTF_type_mask;
        // A part of a page, or a grant of a grant, can be copied but not mapped.
        const bool usable = type == GTF_permit_access ? use == GrantUse::copy || !(flags & GTF_sub_page)
                                                      : type == GTF_transitive && use == GrantUse::copy;
        if (!usable || domain_of(seen) != grantee) return GNTST_general_error;
        return !readonly && (flags & GTF_readonly) ? GNTST_permission_denied : GNTST_okay;
    }
    /// v2 keeps the in-use bits apart from the flags: set them first, then look whether the grant still stands.
    [[nodiscard]] GrantCode pin_v2(Domid grantee, bool readonly, GrantUse use) {
        if (const GrantCode code = check_v2(word().load(), grantee, readonly, use); code != GNTST_okay) return code;
        const u16 bits = static_cast<u16>(GTF_reading | (readonly ? 0 : GTF_writing));
        const u16 before = in_use().fetch_or(bits);
        const GrantCode code = check_v2(word().load(), grantee, readonly, use);
        if (code != GNTST_okay) in_use().fetch_and(static_cast<u16>(~(bits & ~before)));
        return code;
    }

    grant_entry_v1_t* v1_ = nullptr;
    grant_entry_v2_t* v2_ = nullptr;
    grant_status_t* status_ = nullptr;
};

} // namespace hv
