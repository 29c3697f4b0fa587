// SPDX-License-Identifier: MIT
// Per-CPU SYSCALL/SYSENTER set-up, and STAC/CLAC where the CPU has SMAP.
#include "boot/image.hpp"
#include "core/deferred/softirq.hpp"
#include "cpu/cpuid.hpp"
#include "cpu/gdt_tss.hpp"
#include "cpu/msr.hpp"
#include "lib/string.hpp"
#include "traps/entry_macros.h"
#include "traps/traps.hpp"

namespace hv {

extern "C" {
extern u8 syscall_stubs[], syscall32_stubs[], sysenter_entry[];
extern const u64 stac_sites[], stac_sites_end[], clac_sites[], clac_sites_end[];
}

namespace {

/// The text is mapped read-only: write through the direct map. Only while a single CPU runs.
void patch(const u64* first, const u64* last, u8 opcode) {
    for (; first != last; ++first) {
        const u8 insn[3] = {0x0f, 0x01, opcode};
        memcpy(direct_map(image_maddr(reinterpret_cast<const void*>(*first))), insn, sizeof(insn));
    }
}

} // namespace

void syscall_init_cpu() {
    CpuInfo& info = cpu_info();
    const u64 stack = reinterpret_cast<u64>(&info.regs.es);
    softirq_pending_bits[info.cpu].arch[1] = stack; // arch[0]: the guest's %rsp
    if (info.cpu == 0 && cpu_features.smap) {
        patch(stac_sites, stac_sites_end, 0xcb);
        patch(clac_sites, clac_sites_end, 0xca);
    }
    const u64 stub = u64{max_cpus - 1 - info.cpu} * SYSCALL_STUB_SIZE;
    // SYSRET takes CS = STAR[63:48] + 16 and SS = STAR[63:48] + 8 (APM vol.2 6.1.1).
    wrmsr(Msr::star, u64{selector_guest_cs32} << 48 | u64{selector_hv_cs} << 32);
    wrmsr(Msr::lstar, reinterpret_cast<u64>(syscall_stubs) + stub);
    wrmsr(Msr::cstar, reinterpret_cast<u64>(syscall32_stubs) + stub);
    wrmsr(Msr::sfmask, 0x75700 | X86_IOPL); // TF IF DF IOPL NT RF VM AC
    if (cpu_features.sysenter) {
        const bool intel = cpu_features.vendor == CpuVendor::intel;
        wrmsr(Msr::sysenter_cs, intel ? selector_hv_cs : 0); // 0: #GP; AMD has no SYSENTER in long mode
        wrmsr(Msr::sysenter_esp, intel ? stack : 0);
        wrmsr(Msr::sysenter_eip, intel ? reinterpret_cast<u64>(sysenter_entry) : 0);
    }
}

} // namespace hv
