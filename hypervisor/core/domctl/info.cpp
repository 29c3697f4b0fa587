// SPDX-License-Identifier: MIT
#include "core/domctl/control.hpp"
#include "cpu/cpu_init.hpp"
#include "drivers/acpi/acpi.hpp"

namespace hv {

CpuMask present_cpus() {
    CpuMask mask;
    for (CpuId cpu = 0; cpu < cpu_count_present && cpu < max_cpus; ++cpu)
        mask.set(cpu);
    return mask;
}

u64 node_mask() { return acpi.node_count >= 64 ? ~u64{0} : (u64{1} << acpi.node_count) - 1; }

void domain_info(Domain& domain, xen_domctl_getdomaininfo& info) {
    info = {};
    u32 flags = XEN_DOMINF_blocked; // all online vCPUs are, until one is found that is not
    info.max_vcpu_id = XEN_INVALID_MAX_VCPU_ID;
    for_each_vcpu(domain, [&](Vcpu& vcpu) {
        info.cpu_time += vcpu_cpu_time_ns(vcpu);
        info.max_vcpu_id = vcpu.id;
        const u32 pause = vcpu.pause_flags.load(Order::relaxed);
        if (pause & PauseFlag::down) return;
        ++info.nr_online_vcpus;
        if (!(pause & PauseFlag::blocked)) flags &= ~XEN_DOMINF_blocked;
        if (vcpu.is_running.load(Order::relaxed)) flags |= XEN_DOMINF_running;
    });
    if (domain.dying.load() == Domain::Dying::dead) flags |= XEN_DOMINF_dying;
    if (domain.shut_down) flags |= XEN_DOMINF_shutdown;
    if (domain.controller_pauses) flags |= XEN_DOMINF_paused;
    if (domain.debugger_attached) flags |= XEN_DOMINF_debugged;
    if (domain.options & XEN_DOMCTL_CDF_xs_domain) flags |= XEN_DOMINF_xs_domain;
    info.flags = flags | (domain.shutdown_code & XEN_DOMINF_shutdownmask) << XEN_DOMINF_shutdownshift;
    info.domain = domain.id.raw();
    info.ssidref = domain.ssidref;
    __builtin_memcpy(info.handle, domain.handle, sizeof(info.handle));
    info.tot_pages = domain.tot_pages;
    info.max_pages = domain.max_pages;
    info.outstanding_pages = domain.outstanding_claim;
    info.shr_pages = domain.shared_pages.load(Order::relaxed);
    info.paged_pages = domain.paged_pages.load(Order::relaxed);
    info.shared_info_frame = mfn_of_virt(domain.shared_info).raw();
}

} // namespace hv
