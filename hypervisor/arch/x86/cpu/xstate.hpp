// SPDX-License-Identifier: MIT
// FPU/SSE/AVX state: FXSAVE, or XSAVE where the CPU has it (APM vol.2 11.5). Memory image in the standard format.
#pragma once

#include "core/domain/domain.hpp"

namespace hv {

struct XstateInfo {
    bool xsave = false; ///< XSAVE in use (CR4.OSXSAVE set)
    u64 mask = 3;       ///< XCR0 bits that guests may set
    u32 size = 512;     ///< bytes of an image with every bit of `mask`
};
extern XstateInfo xstate_info;
void xstate_init();                    ///< boot CPU, after cpu_identify()
void xstate_init_cpu();                ///< CR4.OSXSAVE, XCR0, CR0.TS set
Status xstate_vcpu_create(Vcpu& vcpu); ///< allocates and resets vcpu.arch.xsave
void xstate_vcpu_destroy(Vcpu& vcpu);
void xstate_reset(Vcpu& vcpu);
/// XCR0 := the vCPU's, when it differs from what this CPU has.
void xstate_load_xcr0(const Vcpu& vcpu);
/// XSETBV by the guest. Error: #GP.
Status xstate_set_xcr0(Vcpu& vcpu, u64 value);
// XEN_DOMCTL_{get,set}vcpuextstate bodies; the vCPU is paused.
Status domctl_get_vcpuextstate(Vcpu& vcpu, xen_domctl_vcpuextstate& op);
Status domctl_set_vcpuextstate(Vcpu& vcpu, const xen_domctl_vcpuextstate& op);

} // namespace hv
