// SPDX-License-Identifier: MIT
// Control registers, descriptor-table registers and port I/O.
#pragma once

#include "lib/types.hpp"

namespace hv {

struct Cr0 {
    static constexpr u64 pe = 1, mp = 2, em = 4, ts = 8, et = 16, ne = 32, wp = 1 << 16, am = 1 << 18,
                         pg = u64{1} << 31;
};
struct Cr4 {
    static constexpr u64 tsd = 4, de = 8, pae = 32, mce = 64, pge = 128, osfxsr = 512, osxmmexcpt = 1024,
                         umip = 1 << 11, vmxe = 1 << 13, fsgsbase = 1 << 16, pcide = 1 << 17, osxsave = 1 << 18,
                         smep = 1 << 20, smap = 1 << 21;
};

#define HV_CR(n)                                                                                                       \
    inline u64 read_cr##n() {                                                                                          \
        u64 value;                                                                                                     \
        asm volatile("movq %%cr" #n ", %0" : "=r"(value));                                                             \
        return value;                                                                                                  \
    }                                                                                                                  \
    inline void write_cr##n(u64 value) { asm volatile("movq %0, %%cr" #n ::"r"(value) : "memory"); }
HV_CR(0)
HV_CR(2)
HV_CR(3)
HV_CR(4)
#undef HV_CR

struct [[gnu::packed]] DescriptorTable {
    u16 limit;
    u64 base;
};
inline void load_gdt(const DescriptorTable& table) { asm volatile("lgdt %0" ::"m"(table) : "memory"); }
inline void load_idt(const DescriptorTable& table) { asm volatile("lidt %0" ::"m"(table) : "memory"); }
inline void load_tr(u16 selector) { asm volatile("ltr %0" ::"rm"(selector)); }
inline void load_ldt(u16 selector) { asm volatile("lldt %0" ::"rm"(selector)); }

#define HV_PORT_IO(suffix, type, constraint)                                                                           \
    inline type in##suffix(u16 port) {                                                                                 \
        type value;                                                                                                    \
        asm volatile("in" #suffix " %1, %0" : "=a"(value) : "Nd"(port));                                               \
        return value;                                                                                                  \
    }                                                                                                                  \
    inline void out##suffix(u16 port, type value) { asm volatile("out" #suffix " %0, %1" ::"a"(value), "Nd"(port)); }
HV_PORT_IO(b, u8, "a")
HV_PORT_IO(w, u16, "a")
HV_PORT_IO(l, u32, "a")
#undef HV_PORT_IO

inline u64 rdtsc() {
    u32 low, high;
    asm volatile("rdtsc" : "=a"(low), "=d"(high));
    return u64{high} << 32 | low;
}
inline u64 rdtsc_ordered() {
    asm volatile("lfence" ::: "memory");
    return rdtsc();
}

} // namespace hv
