// SPDX-License-Identifier: MIT
// Virtual address layout. The PV ABI reserves L4 slots 256..271 for the hypervisor (xen/arch-x86/xen-x86_64.h:
// HYPERVISOR_VIRT_START..END) and fixes the read-only M2P at its start; the rest is our choice.
#pragma once

#include "lib/types.hpp"

namespace hv {

inline constexpr u64 slot_size = u64{1} << 39;
inline constexpr unsigned first_hv_slot = 256, last_hv_slot = 271;
constexpr u64 slot_address(unsigned slot) { return 0xffff000000000000ULL | (u64{slot} << 39); }

inline constexpr u64 hv_start = slot_address(256); // 0xffff800000000000
inline constexpr u64 hv_end = slot_address(272);   // 0xffff880000000000
inline constexpr u64 ro_m2p_start = hv_start;      // 256 GiB in the ABI; guests read it (user, read-only)
inline constexpr u64 ro_m2p_end = ro_m2p_start + slot_size / 2;
inline constexpr u64 m2p_start = slot_address(257); // the hypervisor's writable view of the same pages
inline constexpr u64 perdomain_start = slot_address(260);
inline constexpr u64 frametable_start = slot_address(261);              // PageInfo array, sparse
inline constexpr u64 vmap_start = slot_address(261) + (u64{256} << 30); // ioremap and the like: 64 GiB
inline constexpr u64 vmap_end = vmap_start + (u64{64} << 30);
inline constexpr u64 image_start = slot_address(261) + (u64{448} << 30); // linked here (hypervisor.ld)
inline constexpr u64 direct_map_start = slot_address(262);               // all RAM, 5 TiB
inline constexpr u64 direct_map_end = hv_end;

// Per-domain area: each vCPU has 32 pages: 16 for its GDT (14 guest frames + the hypervisor's own page at index 14),
// 16 for its LDT window.
inline constexpr unsigned gdt_ldt_pages_per_vcpu = 32;
constexpr u64 gdt_address(u32 vcpu) { return perdomain_start + u64{vcpu} * gdt_ldt_pages_per_vcpu * page_size; }
constexpr u64 ldt_address(u32 vcpu) { return gdt_address(vcpu) + 16 * page_size; }

inline void* direct_map(u64 maddr) { return reinterpret_cast<void*>(direct_map_start + maddr); }
/// May a guest name this address? Canonical and outside the hypervisor's slots.
constexpr bool guest_address_ok(u64 address) { return address < 0x0000800000000000ULL || address >= hv_end; }
/// The whole range [address, address + bytes): no wrap, no crossing into the hypervisor.
constexpr bool guest_range_ok(u64 address, u64 bytes) {
    const u64 last = address + (bytes ? bytes - 1 : 0);
    return last >= address && ((last < 0x0000800000000000ULL) || address >= hv_end);
}

} // namespace hv
