// SPDX-License-Identifier: MIT
// What a domain has mapped of others' grants: a handle is an index here.
#pragma once

#include "core/mm/heap.hpp"
#include "lib/atomic.hpp"
#include "lib/ids.hpp"
#include "lib/spinlock.hpp"

namespace hv {

struct Mapping {
    /// Bits of `state` beside GNTMAP_{device_map,host_map,readonly,application_map,contains_pte}: a live bit says that
    /// the reference is still held; the GNTMAP bit of the same kind is taken away by whoever begins to unmap.
    static constexpr u16 host_live = 1 << 8, device_live = 1 << 9;

    Domain* granter = nullptr; ///< a reference is held: its id is not given to another domain meanwhile
    Atomic<u32> ref{0};        ///< in use: grant reference; free: next free handle + 1
    Atomic<u16> state{0};      ///< 0: free
};
static_assert(sizeof(Mapping) == 16);

class Maptrack : NoCopy {
  public:
    static constexpr u32 per_page = page_size / sizeof(Mapping);
    static constexpr u32 no_handle = ~u32{0};

    explicit Maptrack(u32 max_handles) : max_(max_handles) {}
    ~Maptrack() {
        for (u32 i = 0; pages_ && i < limit_.load() / per_page; ++i)
            free_pages(pages_[i]);
        kfree(pages_);
    }

    /// no_handle when the limit is reached or memory is out.
    [[nodiscard]] u32 alloc() {
        const Guard guard(lock_);
        if (!free_ && !grow()) return no_handle;
        const u32 handle = free_ - 1;
        free_ = at(handle).ref.load(Order::relaxed);
        return handle;
    }
    void release(u32 handle) {
        at(handle).state.store(0);
        const Guard guard(lock_);
        at(handle).ref.store(free_, Order::relaxed);
        free_ = handle + 1;
    }
    /// nullptr for a handle that was never given out.
    [[nodiscard]] Mapping* find(u32 handle) { return handle < limit_.load(Order::acquire) ? &at(handle) : nullptr; }
    [[nodiscard]] u32 limit() const { return limit_.load(Order::acquire); }

    /// Claims the parts in `bits` (GNTMAP_host_map, GNTMAP_device_map) for unmapping: the claimed ones.
    static u16 claim(Mapping& mapping, u16 bits) { return mapping.state.fetch_and(static_cast<u16>(~bits)) & bits; }
    static void unclaim(Mapping& mapping, u16 bits) { mapping.state.fetch_or(bits); }
    /// Says that the references behind `live` bits are gone; true for whoever drops the last: release() the handle.
    static bool drop(Mapping& mapping, u16 live) {
        const u16 before = mapping.state.fetch_and(static_cast<u16>(~live));
        return (before & (Mapping::host_live | Mapping::device_live) & ~live) == 0;
    }

  private:
    Mapping& at(u32 handle) { return pages_[handle / per_page][handle % per_page]; }
    bool grow() {
        const u32 first = limit_.load(Order::relaxed);
        if (first >= max_) return false;
        if (!pages_) pages_ = static_cast<Mapping**>(kmalloc((max_ + per_page - 1) / per_page * sizeof(void*)));
        void* page = pages_ ? alloc_pages() : nullptr;
        if (!page) return false;
        pages_[first / per_page] = static_cast<Mapping*>(page); // zeroed: free
        limit_.store(first + per_page, Order::release);
        for (u32 i = per_page; i-- > 0;) {
            at(first + i).ref.store(free_, Order::relaxed);
            free_ = first + i + 1;
        }
        return true;
    }

    u32 max_;
    Atomic<u32> limit_{0}; ///< handles below exist
    u32 free_ = 0;         ///< first free handle + 1
    Mapping** pages_ = nullptr;
    SpinLock lock_{LockRank::grant_maptrack};
};

} // namespace hv
