// SPDX-License-Identifier: MIT
// Debug registers of PV guests (APM vol.2 13.1.1).
#include "core/hypercall/table.hpp"
#include "lib/spinlock.hpp"
#include "mm/layout.hpp"
#include "pv/descriptor.hpp"
#include "pv/pv.hpp"
#include "pv/segments.hpp"

namespace hv {

namespace {

constexpr u64 dr6_fixed = 0xffff0ff0, dr6_settable = 0xe00f;
constexpr u64 dr7_fixed = 0x400, dr7_reserved = 0xffffffff0000d000, dr7_general_detect = 1 << 13;

/// DR7 with what guests may not have removed, or an error. Conditions: 2 bits each from bit 16, then 2 bits length.
Result<u64> checked_dr7(u64 value) {
    value = (value & ~dr7_reserved) | dr7_fixed;
    if (value & dr7_general_detect) return Errno::perm;
    for (unsigned i = 0; i < 4; ++i)
        if ((value >> (2 * i) & 3) && (value >> (16 + 4 * i) & 3) == 2) // I/O breakpoint
            return Errno::perm;
    return value;
}

} // namespace

void load_debug_register(unsigned index, u64 value) {
    switch (index) {
    case 0: asm volatile("movq %0, %%dr0" ::"r"(value)); break;
    case 1: asm volatile("movq %0, %%dr1" ::"r"(value)); break;
    case 2: asm volatile("movq %0, %%dr2" ::"r"(value)); break;
    case 3: asm volatile("movq %0, %%dr3" ::"r"(value)); break;
    case 6: asm volatile("movq %0, %%dr6" ::"r"(value)); break;
    default: asm volatile("movq %0, %%dr7" ::"r"(value)); break;
    }
}

Status pv_set_debug_register(Vcpu& vcpu, unsigned index, u64 value) {
    u64(&dr)[8] = vcpu.arch.pv.dr;
    if (index < 4) {
        if (!canonical(value) || !guest_address_ok(value)) return Errno::perm;
    } else if (index == 6 || index == 4) {
        index = 6;
        value = (value & dr6_settable) | dr6_fixed;
    } else if (index == 7 || index == 5) {
        index = 7;
        value = TRY(checked_dr7(value));
    } else {
        return Errno::inval;
    }
    const IrqOff off;
    const bool was_active = dr[7] & 0xff;
    dr[index] = value;
    if (&vcpu != &current()) return {};
    if (index == 7 && (value & 0xff) && !was_active)
        for (unsigned i = 0; i < 4; ++i)
            load_debug_register(i, dr[i]);
    if (index == 7 || index == 6 || was_active) load_debug_register(index, value);
    return {};
}

Result<s64> hypercall::set_debugreg(HypercallArgs& args_) {
    if (args_.a[0] > 7) return Errno::inval;
    TRY(pv_set_debug_register(current(), static_cast<unsigned>(args_.a[0]), args_.a[1]));
    return 0;
}

Result<s64> hypercall::get_debugreg(HypercallArgs& args_) {
    const u64 index = args_.a[0];
    if (index > 7) return Errno::inval;
    return static_cast<s64>(current().arch.pv.dr[index == 4 || index == 5 ? index + 2 : index]);
}

} // namespace hv
