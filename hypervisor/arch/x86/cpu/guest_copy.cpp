// SPDX-License-Identifier: MIT
// Copies to and from the current guest's address space. Its page tables are loaded while it is current, so a copy is a
// plain access with a fix-up (traps/entry.S); the range check keeps guests from naming the hypervisor's memory.
#include "core/hypercall/guest_ptr.hpp"
#include "mm/layout.hpp"

namespace hv {

extern "C" {
u64 guest_copy_raw(void* to, const void* from, u64 bytes);
u64 guest_clear_raw(void* to, u64 bytes);
}

bool copy_from_guest(void* to, u64 guest_address, usize bytes) {
    return guest_range_ok(guest_address, bytes) &&
           guest_copy_raw(to, reinterpret_cast<const void*>(guest_address), bytes) == 0;
}

bool copy_to_guest(u64 guest_address, const void* from, usize bytes) {
    return guest_range_ok(guest_address, bytes) &&
           guest_copy_raw(reinterpret_cast<void*>(guest_address), from, bytes) == 0;
}

bool clear_guest(u64 guest_address, usize bytes) {
    return guest_range_ok(guest_address, bytes) && guest_clear_raw(reinterpret_cast<void*>(guest_address), bytes) == 0;
}

} // namespace hv
