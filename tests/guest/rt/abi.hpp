// SPDX-License-Identifier: MIT
// Xen's public headers as a guest sees them, and the raw call.
#pragma once

#include <stddef.h>
#include <stdint.h>

#include <initializer_list>

#define __XEN_INTERFACE_VERSION__ 0x00040e00
#include <xen/elfnote.h>
#include <xen/event_channel.h>
#include <xen/features.h>
#include <xen/grant_table.h>
#include <xen/io/console.h>
#include <xen/memory.h>
#include <xen/sched.h>
#include <xen/vcpu.h>
#include <xen/version.h>
#include <xen/xen.h>

namespace rt {

using u8 = uint8_t;
using u16 = uint16_t;
using u32 = uint32_t;
using u64 = uint64_t;
using s64 = int64_t;

inline constexpr u64 page_size = 4096;

/// SYSCALL with the number in RAX, as the hypercall page does it; RCX and R11 are lost.
inline s64 hypercall(u64 number, u64 a1 = 0, u64 a2 = 0, u64 a3 = 0, u64 a4 = 0, u64 a5 = 0) {
    register u64 r10 asm("r10") = a4;
    register u64 r8 asm("r8") = a5;
    s64 result = static_cast<s64>(number);
    asm volatile("syscall"
                 : "+a"(result), "+D"(a1), "+S"(a2), "+d"(a3), "+r"(r10), "+r"(r8)
                 :
                 : "rcx", "r11", "memory");
    return result;
}
template <typename T> u64 address(const T* object) { return reinterpret_cast<u64>(object); }
template <typename T> s64 event_op(u32 cmd, T& op) {
    return hypercall(__HYPERVISOR_event_channel_op, cmd, address(&op));
}
template <typename T> s64 memory_op(u64 cmd, T& op) { return hypercall(__HYPERVISOR_memory_op, cmd, address(&op)); }
template <typename T> s64 grant_op(u32 cmd, T* ops, u64 count = 1) {
    return hypercall(__HYPERVISOR_grant_table_op, cmd, address(ops), count);
}
template <typename T> s64 sched_op(u32 cmd, T& op) { return hypercall(__HYPERVISOR_sched_op, cmd, address(&op)); }
inline s64 mmuext(struct mmuext_op& op, u64 domid = DOMID_SELF) {
    return hypercall(__HYPERVISOR_mmuext_op, address(&op), 1, 0, domid);
}
inline s64 update_pte(u64 ptr, u64 value, u64 domid = DOMID_SELF) {
    struct mmu_update op = {ptr, value};
    return hypercall(__HYPERVISOR_mmu_update, address(&op), 1, 0, domid);
}
inline s64 update_va(u64 va, u64 pte, u64 flags = UVMF_INVLPG) {
    return hypercall(__HYPERVISOR_update_va_mapping, va, pte, flags);
}

} // namespace rt
