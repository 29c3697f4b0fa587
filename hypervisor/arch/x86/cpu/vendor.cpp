// SPDX-License-Identifier: MIT
#include "core/debug/panic.hpp"
#include "core/debug/printk.hpp"
#include "cpu/cpuid.hpp"
#include "cpu/cr.hpp"
#include "cpu/msr.hpp"
#include "lib/string.hpp"

namespace hv {

CpuFeatures cpu_features;
u64 hv_cr4;

static CpuVendor vendor_of(const char* name) {
    if (string_equal(name, "AuthenticAMD")) return CpuVendor::amd;
    if (string_equal(name, "HygonGenuine")) return CpuVendor::hygon;
    return string_equal(name, "GenuineIntel") ? CpuVendor::intel : CpuVendor::unknown;
}

static void identify_model(CpuFeatures& f) {
    const CpuidLeaf id = cpuid(0);
    f.max_leaf = id.a;
    const u32 name[3] = {id.b, id.d, id.c};
    memcpy(f.vendor_name, name, 12);
    f.vendor = vendor_of(f.vendor_name);
    const u32 version = cpuid(1).a;
    f.stepping = version & 15;
    f.model = version >> 4 & 15;
    f.family = version >> 8 & 15;
    if (f.family == 15 || f.family == 6) f.model |= version >> 12 & 0xf0;
    if (f.family == 15) f.family += version >> 20 & 0xff;
    f.max_ext_leaf = cpuid(0x80000000).a;
    if (f.max_ext_leaf >= 0x80000004) {
        for (u32 i = 0; i < 3; ++i) {
            const CpuidLeaf part = cpuid(0x80000002 + i);
            memcpy(f.model_name + 16 * i, &part, 16);
        }
    }
    const u32 bits = f.max_ext_leaf >= 0x80000008 ? cpuid(0x80000008).a : 36 | 48 << 8;
    f.phys_bits = static_cast<u8>(bits);
    f.virt_bits = static_cast<u8>(bits >> 8);
}

/// Every feature by its CPUID bit (APM vol.3 appendix E, SDM vol.2 CPUID).
static void identify_features(CpuFeatures& f) {
    const CpuidLeaf l1 = cpuid(1);
    const CpuidLeaf l7 = f.max_leaf >= 7 ? cpuid(7) : CpuidLeaf{};
    const CpuidLeaf ld = f.max_leaf >= 0xd ? cpuid(0xd, 1) : CpuidLeaf{};
    const CpuidLeaf e1 = cpuid(0x80000001);
    const CpuidLeaf e7 = f.max_ext_leaf >= 0x80000007 ? cpuid(0x80000007) : CpuidLeaf{};
    const auto bit = [](u32 word, unsigned n) { return (word >> n & 1) != 0; };
    f.mce = bit(l1.d, 7);
    f.sysenter = bit(l1.d, 11);
    f.mtrr = bit(l1.d, 12);
    f.pge = bit(l1.d, 13);
    f.mca = bit(l1.d, 14);
    f.pat = bit(l1.d, 16);
    f.clflush = bit(l1.d, 19);
    f.pcid = bit(l1.c, 17);
    f.x2apic = bit(l1.c, 21);
    f.tsc_deadline = bit(l1.c, 24);
    f.xsave = bit(l1.c, 26);
    f.hypervisor = bit(l1.c, 31);
    f.fsgsbase = bit(l7.b, 0);
    f.smep = bit(l7.b, 7);
    fast_strings = bit(l7.b, 9);
    f.invpcid = bit(l7.b, 10);
    f.smap = bit(l7.b, 20);
    f.umip = bit(l7.c, 2);
    f.xsaveopt = bit(ld.a, 0);
    f.nx = bit(e1.d, 20);
    f.page1g = bit(e1.d, 26);
    f.rdtscp = bit(e1.d, 27);
    f.syscall32 = f.vendor == CpuVendor::amd || f.vendor == CpuVendor::hygon;
    f.invariant_tsc = bit(e7.d, 8);
    f.cpuid_faulting = f.vendor == CpuVendor::intel && f.max_leaf >= 7 && rdmsr_safe(Msr::platform_info).ok() &&
                       (rdmsr(Msr::platform_info) >> 31 & 1);
}

void cpu_identify() {
    identify_model(cpu_features);
    identify_features(cpu_features);
    const CpuFeatures& f = cpu_features;
    if (!f.pge || !f.pat || !f.clflush) boot_failed("this CPU lacks global pages, PAT or CLFLUSH");
    hv_cr4 = Cr4::pae | Cr4::pge | Cr4::de | Cr4::osfxsr | Cr4::osxmmexcpt | (f.mce ? Cr4::mce : 0) |
             (f.fsgsbase ? Cr4::fsgsbase : 0) | (f.umip ? Cr4::umip : 0) | (f.smep ? Cr4::smep : 0) |
             (f.smap ? Cr4::smap : 0) | (f.xsave ? Cr4::osxsave : 0);
    log_info("CPU: {} family {:x} model {:x} stepping {}: {}", f.vendor_name, f.family, f.model, f.stepping,
             f.model_name);
    log_info("CPU: {} physical bits{}{}{}{}{}{}{}{}{}{}", f.phys_bits, f.nx ? " nx" : "", f.page1g ? " 1g-pages" : "",
             f.pcid ? " pcid" : "", f.smep ? " smep" : "", f.smap ? " smap" : "", f.umip ? " umip" : "",
             f.fsgsbase ? " fsgsbase" : "", f.x2apic ? " x2apic" : "", f.xsave ? " xsave" : "",
             f.tsc_deadline ? " tsc-deadline" : "");
}

} // namespace hv
