// SPDX-License-Identifier: MIT
// PageInfo: the 32-byte record of one machine page. core/mm/page.hpp says what its references mean.
#pragma once

#include "lib/atomic.hpp"
#include "lib/frame.hpp"

namespace hv {

struct Domain;

enum class PageType : u8 { none = 0, l1 = 1, l2 = 2, l3 = 3, l4 = 4, seg_desc = 5, shared = 6, writable = 7 };

/// count_: PageBits below; bits 47..40 buddy order of a free block's first page; bits 31..0 general references.
/// type_:  bits 63..60 PageType, bit 59 pinned, bit 58 validated, bit 57 partial (see arch/x86/pv/page_type.cpp),
///         bits 31..0 type references. Hypervisor pages that no guest sees use it for the slab.
struct PageInfo {
    Atomic<u64> count_;
    Atomic<u64> type_;
    u32 owner_frame; ///< frame of the owner's struct Domain (it is page aligned), 0 = none
    union {
        struct {
            u16 validated;    ///< page tables: entries that hold references while partial
            u8 partial_entry; ///< partial: the entry behind them may lead to another partial table
            u8 spare;
        };
        u32 tlb_stamp; ///< type count 0 or page free: when a TLB could last hold a translation to it
    };
    u32 prev; ///< links of the owner's page list or of a free list: frame numbers, 0 = end
    u32 next;
};
static_assert(sizeof(PageInfo) == 32);

struct PageBits {
    static constexpr u64 allocated = u64{1} << 63;  ///< to its owner, who holds one general reference for it
    static constexpr u64 hypervisor = u64{1} << 62; ///< a hypervisor page shared with its owner
    static constexpr u64 free = u64{1} << 61;       ///< first page of a free block
    static constexpr u64 not_ram = u64{1} << 60;    ///< hole: there is a record, but no memory
    static constexpr u64 dirty = u64{1} << 59;      ///< free: to be scrubbed before a domain gets it
    static constexpr unsigned order_shift = 40;
    static constexpr u64 refs = 0xffffffff;
};

} // namespace hv
