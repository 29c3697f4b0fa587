// SPDX-License-Identifier: MIT
// PageInfo: the 32-byte record of one machine page, and the two references to it that the security of PV rests on:
//  * PageRef      - "this page belongs to that domain and will not be freed" (general reference)
//  * TypedPageRef - additionally "it is used as a T", where types exclude each other: a page that is a page table or
//                   descriptor page has no writable mapping, and the other way round.
// A page's type can change only when its type count is zero.
#pragma once

#include "lib/atomic.hpp"
#include "lib/frame.hpp"
#include "lib/ids.hpp"
#include "lib/result.hpp"

namespace hv {

struct Domain;

enum class PageType : u8 { none = 0, l1 = 1, l2 = 2, l3 = 3, l4 = 4, seg_desc = 5, shared = 6, writable = 7 };

/// count_: bit 63 allocated to its owner (one reference), bit 62 hypervisor page, bit 61 heap-free,
/// bits 31..0 general references.
/// type_:  bits 63..60 PageType, bit 59 pinned, bit 58 validated, bit 57 partially validated, bits 31..0 type count.
struct PageInfo {
    Atomic<u64> count_;
    Atomic<u64> type_;
    u32 owner_frame;  ///< frame of the owner's struct Domain (it is page aligned), 0 = none
    union {
        struct {
            u16 validated;      ///< page tables: entries validated so far while partial
            u8 partial_entry;   ///< the next entry holds a partial reference (see page_type.cpp)
            u8 order;           ///< free pages: buddy order
        };
        u32 tlb_stamp;  ///< freed pages: when they were last possibly in a TLB
    };
    u32 prev;  ///< links of the owner's page list or of a free list: frame numbers, 0 = end
    u32 next;
};
static_assert(sizeof(PageInfo) == 32);

// --- addresses -----------------------------------------------------------------------------------------------------
PageInfo& page_of(Mfn mfn);           ///< mfn must satisfy mfn_is_ram
Mfn mfn_of(const PageInfo& page);
bool mfn_is_ram(Mfn mfn);             ///< there is a PageInfo for it
void* map_of(Mfn mfn);                ///< direct-map address; all RAM is always mapped
template <typename T>
T* map_as(Mfn mfn) {
    return static_cast<T*>(map_of(mfn));
}
Mfn mfn_of_virt(const void* direct_map_address);
inline void* map_of(const PageInfo& page) { return map_of(mfn_of(page)); }

Domain* owner_of(const PageInfo& page);

// --- references ----------------------------------------------------------------------------------------------------
/// Unpaired low-level operations, for code that stores references in page-table entries. Prefer the RAII types.
[[nodiscard]] bool page_get(PageInfo& page, const Domain& owner);
void page_put(PageInfo& page);  ///< frees the page with its last reference
[[nodiscard]] bool page_get_owner(PageInfo& page, Domain*& owner);  ///< whoever owns it

class [[nodiscard]] PageRef {
  public:
    PageRef() = default;
    PageRef(PageRef&& other) noexcept : page_(other.page_) { other.page_ = nullptr; }
    PageRef& operator=(PageRef&& other) noexcept {
        if (this != &other) {
            reset();
            page_ = other.page_;
            other.page_ = nullptr;
        }
        return *this;
    }
    ~PageRef() { reset(); }
    /// Fails with -EINVAL when the frame is not RAM or not owned by `owner`.
    static Result<PageRef> take(Mfn mfn, const Domain& owner);
    static PageRef adopt(PageInfo& page) { return PageRef(page); }  ///< a reference that the caller already holds
    PageInfo& release() {  ///< the caller now holds the reference
        PageInfo& page = *page_;
        page_ = nullptr;
        return page;
    }
    void reset() {
        if (page_)
            page_put(*page_);
        page_ = nullptr;
    }
    explicit operator bool() const { return page_ != nullptr; }
    PageInfo& operator*() const { return *page_; }
    PageInfo* operator->() const { return page_; }
    [[nodiscard]] Mfn mfn() const { return mfn_of(*page_); }

  private:
    explicit PageRef(PageInfo& page) : page_(&page) {}
    PageInfo* page_ = nullptr;
};

/// Takes / drops one type reference; page-table types validate the page's contents on the first one. The caller holds
/// a general reference. Errors: -EINVAL wrong type or invalid contents, -ERESTART preempted (page-table types only).
Status page_get_type(PageInfo& page, PageType type, bool preemptible = false);
Status page_put_type(PageInfo& page, bool preemptible = false);

/// General + type reference, e.g. a writable mapping held by the hypervisor.
class [[nodiscard]] TypedPageRef {
  public:
    TypedPageRef() = default;
    TypedPageRef(TypedPageRef&& other) noexcept : page_(other.page_) { other.page_ = nullptr; }
    TypedPageRef& operator=(TypedPageRef&& other) noexcept {
        if (this != &other) {
            reset();
            page_ = other.page_;
            other.page_ = nullptr;
        }
        return *this;
    }
    ~TypedPageRef() { reset(); }
    static Result<TypedPageRef> take(Mfn mfn, const Domain& owner, PageType type);
    PageInfo& release() {
        PageInfo& page = *page_;
        page_ = nullptr;
        return page;
    }
    void reset() {
        if (page_) {
            static_cast<void>(page_put_type(*page_));
            page_put(*page_);
        }
        page_ = nullptr;
    }
    static TypedPageRef adopt(PageInfo& page) {
        TypedPageRef ref;
        ref.page_ = &page;
        return ref;
    }
    explicit operator bool() const { return page_ != nullptr; }
    PageInfo& operator*() const { return *page_; }
    [[nodiscard]] Mfn mfn() const { return mfn_of(*page_); }

  private:
    PageInfo* page_ = nullptr;
};

}  // namespace hv
