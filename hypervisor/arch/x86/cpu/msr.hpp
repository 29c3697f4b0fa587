// SPDX-License-Identifier: MIT
// Model-specific registers: access and the numbers that the hypervisor uses (APM vol.2 appendix A, SDM vol.4).
#pragma once

#include "lib/result.hpp"
#include "traps/traps.hpp"

namespace hv {

struct Msr {
    static constexpr u32 tsc = 0x10, apic_base = 0x1b, bios_sign = 0x8b, mtrr_cap = 0xfe, arch_caps = 0x10a,
                         sysenter_cs = 0x174, sysenter_esp = 0x175, sysenter_eip = 0x176, mcg_cap = 0x179,
                         mcg_status = 0x17a, mcg_ctl = 0x17b, misc_enable = 0x1a0, debugctl = 0x1d9,
                         mtrr_phys_base0 = 0x200, pat = 0x277, mtrr_def_type = 0x2ff, mc0_ctl = 0x400,
                         tsc_deadline = 0x6e0, x2apic_base = 0x800, platform_info = 0xce, misc_features = 0x140;
    static constexpr u32 efer = 0xc0000080, star = 0xc0000081, lstar = 0xc0000082, cstar = 0xc0000083,
                         sfmask = 0xc0000084, fs_base = 0xc0000100, gs_base = 0xc0000101, kernel_gs_base = 0xc0000102,
                         tsc_aux = 0xc0000103, de_cfg = 0xc0011029;
    // EFER bits.
    static constexpr u64 efer_sce = 1, efer_lme = 1 << 8, efer_lma = 1 << 10, efer_nx = 1 << 11, efer_svme = 1 << 12;
};

inline u64 rdmsr(u32 msr) {
    u32 low, high;
    asm volatile("rdmsr" : "=a"(low), "=d"(high) : "c"(msr));
    return u64{high} << 32 | low;
}
inline void wrmsr(u32 msr, u64 value) {
    asm volatile("wrmsr" ::"c"(msr), "a"(static_cast<u32>(value)), "d"(static_cast<u32>(value >> 32)) : "memory");
}
/// -EFAULT when the CPU has no such register (recovers from the #GP).
inline Result<u64> rdmsr_safe(u32 msr) {
    u32 low, high;
    bool ok;
    asm volatile("1: rdmsr\n   movb $1, %2\n2:\n"
                 ".pushsection .fixup, \"ax\"\n3: xorl %%eax, %%eax\n xorl %%edx, %%edx\n movb $0, %2\n jmp 2b\n"
                 ".popsection\n" HV_EXTABLE("1b", "3b")
                 : "=&a"(low), "=&d"(high), "=&r"(ok)
                 : "c"(msr));
    if (!ok) return Errno::fault;
    return u64{high} << 32 | low;
}
inline Status wrmsr_safe(u32 msr, u64 value) {
    bool ok;
    asm volatile("1: wrmsr\n   movb $1, %0\n2:\n"
                 ".pushsection .fixup, \"ax\"\n3: movb $0, %0\n jmp 2b\n.popsection\n" HV_EXTABLE("1b", "3b")
                 : "=&r"(ok)
                 : "c"(msr), "a"(static_cast<u32>(value)), "d"(static_cast<u32>(value >> 32))
                 : "memory");
    if (!ok) return Errno::fault;
    return {};
}

} // namespace hv
