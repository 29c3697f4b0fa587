// SPDX-License-Identifier: MIT
// MSRs of PV guests: what Linux reads and writes gets a truthful, harmless answer; everything else is a #GP.
#include "cpu/cpuid.hpp"
#include "cpu/cr.hpp"
#include "cpu/msr.hpp"
#include "cpu/policy.hpp"
#include "pv/pv.hpp"
#include "pv/segments.hpp"

namespace hv {

namespace {

constexpr u32 syscfg = 0xc0010010, hwcr = 0xc0010015;
constexpr u32 perf_evntsel0 = 0xc0010000, perf_ctr3 = 0xc0010007, p6_evntsel0 = 0x186, p6_evntsel1 = 0x187,
              p6_perfctr0 = 0xc1, p6_perfctr1 = 0xc2;

bool is_mc_bank(u32 msr) { return msr >= Msr::mc0_ctl && msr < Msr::mc0_ctl + 4 * 32; }
bool is_mtrr(u32 msr) {
    return (msr >= Msr::mtrr_phys_base0 && msr < Msr::mtrr_phys_base0 + 16) || msr == 0x250 || msr == 0x258 ||
           msr == 0x259 || (msr >= 0x268 && msr <= 0x26f) || msr == Msr::mtrr_def_type || msr == Msr::mtrr_cap;
}
bool is_pmu(u32 msr) {
    return (msr >= perf_evntsel0 && msr <= perf_ctr3) || msr == p6_evntsel0 || msr == p6_evntsel1 ||
           msr == p6_perfctr0 || msr == p6_perfctr1;
}
/// Read as 0, writes vanish.
bool is_inert(u32 msr) {
    switch (msr) {
    case Msr::star... Msr::sfmask:
    case Msr::sysenter_cs... Msr::sysenter_eip:
    case Msr::mcg_status:
    case Msr::mcg_ctl:
    case Msr::debugctl:
    case Msr::misc_features:
    case 0x1b0: // IA32_ENERGY_PERF_BIAS
    case hwcr: return true;
    default: return is_mc_bank(msr) || is_pmu(msr);
    }
}
/// The hardware domain may look at what the firmware set up.
Result<u64> hardware_value(const Vcpu& vcpu, u32 msr) {
    if (!vcpu.domain->is_hardware) return u64{0};
    return rdmsr_safe(msr);
}

} // namespace

Result<u64> guest_rdmsr(Vcpu& vcpu, u32 msr) {
    const PvVcpu& pv = vcpu.arch.pv;
    switch (msr) {
    case Msr::fs_base: return segment_fs_base();
    case Msr::gs_base: return segment_gs_base_active();
    case Msr::kernel_gs_base: return pv.kernel_mode ? segment_gs_base_inactive() : pv.gs_base_user;
    case Msr::efer: return rdmsr(Msr::efer) & ~Msr::efer_svme;
    case 0x17:                        // IA32_PLATFORM_ID
    case 0x19a:                       // IA32_CLOCK_MODULATION
    case Msr::mcg_cap: return u64{0}; // no banks: machine checks are the hypervisor's
    case Msr::pat: return rdmsr(Msr::pat);
    case Msr::tsc: return rdtsc();
    case Msr::apic_base: return hardware_value(vcpu, msr);
    case Msr::bios_sign:
    case Msr::misc_enable:
    case syscfg: return hardware_value(vcpu, msr);
    case Msr::tsc_aux:
        if (!cpu_features.rdtscp) return Errno::inval;
        return pv.tsc_aux;
    case Msr::de_cfg: // Linux asks whether LFENCE serialises
        if (cpu_features.vendor == CpuVendor::intel) return Errno::inval;
        return u64{2};
    case Msr::platform_info:
        if (cpu_features.vendor != CpuVendor::intel) return Errno::inval;
        return vcpu.domain->arch.cpu_policy->platform_info;
    default:
        if (is_mtrr(msr)) return hardware_value(vcpu, msr);
        return is_inert(msr) ? Result<u64>(u64{0}) : Result<u64>(Errno::inval);
    }
}

Status guest_wrmsr(Vcpu& vcpu, u32 msr, u64 value) {
    PvVcpu& pv = vcpu.arch.pv;
    switch (msr) {
    case Msr::fs_base:
    case Msr::gs_base:
    case Msr::kernel_gs_base:
        if (!canonical(value)) return Errno::inval;
        if (msr == Msr::fs_base)
            segment_set_fs_base(value);
        else
            segment_set_gs_base(value, msr == Msr::gs_base);
        return {};
    case Msr::tsc_aux:
        if (!cpu_features.rdtscp || value >> 32) return Errno::inval;
        pv.tsc_aux = value;
        wrmsr(Msr::tsc_aux, value);
        return {};
    case Msr::pat: return value == rdmsr(Msr::pat) ? Status{} : Status{Errno::inval};
    case Msr::efer: // ours: guests find NX and SCE on
    case Msr::bios_sign:
    case Msr::misc_enable:
    case Msr::tsc:
    case Msr::apic_base:
    case syscfg:
    case Msr::de_cfg: return {};
    default: return is_inert(msr) ? Status{} : Status{Errno::inval};
    }
}

} // namespace hv
