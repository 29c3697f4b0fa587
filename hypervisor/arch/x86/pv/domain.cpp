// SPDX-License-Identifier: MIT
// The x86 part of creating and taking apart domains and vCPUs.
#include "core/domain/domain.hpp"

#include "core/mm/heap.hpp"
#include "cpu/cr.hpp"
#include "cpu/policy.hpp"
#include "cpu/xstate.hpp"
#include "irq/irq.hpp"
#include "mm/perdomain.hpp"
#include "pv/descriptor.hpp"
#include "pv/mmu.hpp"
#include "pv/pv.hpp"
#include "time/pvclock.hpp"

namespace hv {

namespace {

constexpr u32 hardware_domain_pirqs = 512, guest_pirqs = 64;

} // namespace

Status arch_domain_create(Domain& domain, const xen_domctl_createdomain&) {
    Status status = perdomain_create(domain);
    if (status.ok()) status = policy_domain_create(domain);
    if (status.ok()) status = pirq_domain_create(domain, domain.is_hardware ? hardware_domain_pirqs : guest_pirqs);
    if (!status.ok()) {
        arch_domain_destroy(domain);
        return status;
    }
    update_domain_wallclock(domain);
    return {};
}

void arch_domain_destroy(Domain& domain) {
    pirq_domain_destroy(domain);
    policy_domain_destroy(domain);
    perdomain_destroy(domain);
    kfree(domain.arch.e820);
    domain.arch.e820 = nullptr;
}

Status arch_domain_relinquish(Domain& domain) {
    Domain& d = domain;
    for (; d.arch.relinquish_stage < static_cast<s32>(d.max_vcpus); ++d.arch.relinquish_stage) {
        Vcpu* const vcpu = d.vcpus[d.arch.relinquish_stage];
        if (!vcpu) continue;
        vcpu_sync_state(*vcpu);
        TRY(pv_drop_guest_tables(*vcpu));
        pv_destroy_gdt(*vcpu);
        static_cast<void>(pv_drop_ldt_pages(*vcpu));
        vcpu->arch.pv.ldt_entries = 0;
    }
    pirq_domain_destroy(d);
    return {};
}

Status arch_vcpu_create(Vcpu& vcpu) {
    if (vcpu.is_idle) return {};
    ArchVcpu& arch = vcpu.arch;
    arch.pv.traps = static_cast<trap_info_t*>(alloc_pages());
    Status status = arch.pv.traps ? perdomain_add_vcpu(*vcpu.domain, vcpu.id) : Status{Errno::no_mem};
    if (status.ok()) status = xstate_vcpu_create(vcpu);
    if (!status.ok()) {
        arch_vcpu_destroy(vcpu);
        return status;
    }
    arch.pv.ctrlreg[0] = Cr0::pe | Cr0::mp | Cr0::et | Cr0::ne | Cr0::wp | Cr0::am | Cr0::pg;
    arch.pv.dr[6] = 0xffff0ff0;
    arch.pv.dr[7] = 0x400;
    return {};
}

void arch_vcpu_destroy(Vcpu& vcpu) {
    if (vcpu.is_idle) return;
    vcpu_sync_state(vcpu);
    pv_destroy_gdt(vcpu);
    xstate_vcpu_destroy(vcpu);
    if (vcpu.arch.pv.traps) free_pages(vcpu.arch.pv.traps);
    vcpu.arch.pv.traps = nullptr;
}

} // namespace hv
