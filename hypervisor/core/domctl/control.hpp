// SPDX-License-Identifier: MIT
// Shared by domctl and sysctl.
#pragma once

#include "core/domain/domain.hpp"
#include "core/hypercall/guest_ptr.hpp"
#include "core/sched/sched.hpp"

namespace hv {

/// xenctl_bitmap <-> a fixed set of words. Bits beyond either side's size are 0.
Status bitmap_from_guest(u64* words, u32 word_count, const xenctl_bitmap& from);
Status bitmap_to_guest(xenctl_bitmap& to, const u64* words, u32 word_count);
inline Status mask_from_guest(CpuMask& mask, const xenctl_bitmap& from) {
    return bitmap_from_guest(mask.bits, max_cpus / 64, from);
}
inline Status mask_to_guest(xenctl_bitmap& to, const CpuMask& mask) {
    return bitmap_to_guest(to, mask.bits, max_cpus / 64);
}
/// CPU ids that exist, brought up or not.
CpuMask present_cpus();
u64 node_mask(); ///< NUMA nodes of the machine

/// -EINVAL beyond the domain's limit, -ESRCH when it was not made yet.
inline Result<Vcpu*> vcpu_of(Domain& domain, u32 id) {
    if (id >= domain.max_vcpus) return Errno::inval;
    return domain.vcpus[id] ? Result<Vcpu*>(domain.vcpus[id]) : Result<Vcpu*>(Errno::srch);
}

void domain_info(Domain& domain, xen_domctl_getdomaininfo& info);

/// What a control operation wants done with its argument structure.
enum class Copyback : bool { no, yes };

/// Operations on an existing domain that do not depend on the architecture. -ENOSYS: try arch_domctl().
Result<Copyback> domctl_domain(Domain& domain, xen_domctl& op);
Result<Copyback> domctl_vcpu(Domain& domain, xen_domctl& op);
Result<Copyback> arch_domctl(Domain& domain, xen_domctl& op);
Result<Copyback> sysctl_machine(xen_sysctl& op);
Result<Copyback> arch_sysctl(xen_sysctl& op);
Result<Copyback> cpupool_op(xen_sysctl_cpupool_op& op);
void arch_physinfo(xen_sysctl_physinfo& info);

} // namespace hv
