// SPDX-License-Identifier: MIT
// A domain's grant table (internal to core/grant). Arrays have their final size from the start and the counts only
// grow, so entries are found without a lock; `lock` is for growth, version change and whole-table work. An entry is
// pinned, unpinned and judged under its Active::lock. A version change first stops new pins (version 0), then passes
// through every entry's lock, so whoever holds one sees one version.
#pragma once

#include "core/grant/entry.hpp"
#include "core/grant/grant.hpp"
#include "core/grant/maptrack.hpp"
#include "core/hypercall/guest_ptr.hpp"
#include "core/hypercall/table.hpp"

namespace hv {

/// Users of a granted page by kind; counts cannot overflow: pinning fails first.
struct GrantPins {
    u16 host_write = 0, host_read = 0, device_write = 0, device_read = 0;
    [[nodiscard]] bool any() const { return (host_write | host_read | device_write | device_read) != 0; }
    [[nodiscard]] bool writers() const { return (host_write | device_write) != 0; }
    [[nodiscard]] u16& of(bool device, bool readonly) {
        return device ? (readonly ? device_read : device_write) : (readonly ? host_read : host_write);
    }
};

/// The hypervisor's own record of an entry in use; meaningful while pins.any().
struct Active {
    SpinLock lock{LockRank::grant_active};
    u16 grantee = 0;
    GrantPins pins;
    u32 frame = 0;
    u16 offset = 0, length = 0;
    u16 trans_domain = 0;
    bool transitive = false;
    u32 trans_ref = 0;
};
static_assert(sizeof(Active) == 32);

struct GrantTable {
    static constexpr u32 v1_per_frame = page_size / sizeof(grant_entry_v1_t);
    static constexpr u32 v2_per_frame = page_size / sizeof(grant_entry_v2_t);
    static constexpr u32 status_per_frame = page_size / sizeof(grant_status_t);

    GrantTable(u32 frames_limit, u32 handles, u32 version_limit)
        : max_frames(frames_limit), max_version(version_limit), maptrack(handles) {}

    SpinLock lock{LockRank::grant_table};
    const u32 max_frames;
    const u32 max_version;
    Atomic<u32> version{1}; ///< 1, 2, or 0 while it changes
    Atomic<u32> frames{0};  ///< shared frames that exist
    u32 status_frames = 0;
    void** shared = nullptr;   ///< max_frames pointers
    Active** active = nullptr; ///< v1_per_frame records for each shared frame
    grant_status_t** status = nullptr;
    Maptrack maptrack;    ///< what this domain has mapped of others
    u32 relinquished = 0; ///< progress of grant_table_relinquish

    [[nodiscard]] u32 entries(u32 v) const {
        return frames.load(Order::acquire) * (v == 2 ? v2_per_frame : v1_per_frame);
    }
    [[nodiscard]] Active& active_at(u32 ref) { return active[ref / v1_per_frame][ref % v1_per_frame]; }
    template <typename T> [[nodiscard]] T& shared_at(u32 ref) {
        constexpr u32 per_frame = page_size / sizeof(T);
        return static_cast<T*>(shared[ref / per_frame])[ref % per_frame];
    }
    [[nodiscard]] GrantEntry entry(u32 ref, u32 v) {
        if (v == 1) return GrantEntry(shared_at<grant_entry_v1_t>(ref));
        return {shared_at<grant_entry_v2_t>(ref), status[ref / status_per_frame][ref % status_per_frame]};
    }
};

/// An entry looked up and locked; empty when the reference is out of range or the version is changing.
class [[nodiscard]] LockedGrant : NoCopy {
  public:
    /// `pinned`: the caller holds a pin, so the entry exists; a version change going on is waited for.
    LockedGrant(GrantTable& table, GrantRef ref, bool pinned = false) {
        while (!look_up(table, ref) && pinned)
            cpu_relax();
    }
    ~LockedGrant() { unlock(); }
    void unlock() {
        if (active_) active_->lock.unlock();
        active_ = nullptr;
    }
    explicit operator bool() const { return active_ != nullptr; }
    Active& operator*() const { return *active_; }
    Active* operator->() const { return active_; }
    [[nodiscard]] u32 version() const { return version_; }

  private:
    bool look_up(GrantTable& table, GrantRef ref) {
        const u32 version = table.version.load();
        if (!version || ref.raw() >= table.entries(version)) return false;
        Active& active = table.active_at(ref.raw());
        active.lock.lock();
        active_ = &active;
        version_ = table.version.load(); // stable while the lock is held
        if (!version_ || ref.raw() >= table.entries(version_)) unlock();
        return active_ != nullptr;
    }
    Active* active_ = nullptr;
    u32 version_ = 0;
};

/// Takes one more pin on a locked entry for `grantee`. The record then names the frame.
GrantCode grant_pin(GrantTable& table, LockedGrant& grant, GrantRef ref, Domid grantee, bool device, bool readonly,
                    GrantUse use);
void grant_unpin(GrantTable& table, LockedGrant& grant, GrantRef ref, bool device, bool readonly);

/// Grows to at least `frames` shared frames. lock held.
Status grant_grow(Domain& domain, u32 frames);
/// Makes the status frames that `frames` shared frames of version 2 need. lock held.
Status grant_grow_status(Domain& domain, u32 frames);

/// The operations: each handles args[0..count), returns 0, an error, or restart with `args` moved on.
namespace grant_op {
Status map(u64& args, u64& count);
Status unmap(u64& args, u64& count);
Status unmap_and_replace(u64& args, u64& count);
Status copy(u64& args, u64& count);
Status transfer(u64& args, u64& count);
Status swap_refs(u64& args, u64& count);
Status cache_flush(u64& args, u64& count);
/// A single argument each.
Status setup_table(u64 arg);
Status query_size(u64 arg);
Status set_version(u64 arg);
Status get_status_frames(u64 arg);
Status get_version(u64 arg);
} // namespace grant_op

/// Runs act(op) over args[0..count), copied in and out in batches; between two batches it may stop to be resumed.
/// `after` runs at the end of every batch, before its results are visible.
template <typename T, typename F, typename G> Status for_each_op(u64& args, u64& count, F&& act, G&& after) {
    constexpr u64 batch = 32;
    T ops[batch];
    for (bool first = true; count; first = false) {
        if (!first && hypercall_preempt_check()) return Errno::restart;
        const u64 n = count < batch ? count : batch;
        TRY(GuestIn<T>(args).read(ops, n));
        for (u64 i = 0; i < n; ++i)
            act(ops[i]);
        after();
        TRY(GuestOut<T>(args).write(ops, n));
        args += n * sizeof(T);
        count -= n;
    }
    return {};
}

/// A page that a grant names: held to be read, or with a writable type, which keeps it from becoming a page table.
inline void granted_page_put(PageInfo& page, bool readonly) { readonly ? page_put(page) : page_put_typed(page); }
inline Status granted_page_get(Mfn mfn, const Domain& owner, bool readonly) {
    if (readonly)
        TRY(PageRef::take(mfn, owner)).release();
    else
        TRY(TypedPageRef::take(mfn, owner, PageType::writable)).release();
    return {};
}

/// A foreign domain looked up once for consecutive operations on it.
class DomainCache {
  public:
    /// nullptr: there is no such domain. DOMID_SELF is not translated.
    Domain* find(u16 id) {
        if (domain_ && domain_->id.raw() == id) return &*domain_;
        Result<DomainRef> found = DomainRef::find(Domid{id});
        if (!found.ok() || !found.value()->grants) return nullptr;
        domain_ = std::move(found).value();
        return &*domain_;
    }

  private:
    DomainRef domain_;
};

} // namespace hv
