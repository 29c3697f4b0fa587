// SPDX-License-Identifier: MIT
// XENMEM_acquire_resource: frames of another domain's grant table, for a PV tools domain to map.
#include "core/grant/grant.hpp"
#include "core/memory_op/op.hpp"
#include "core/xsm/check.hpp"

namespace hv::memory_op {

static u64 resource_frames(const Domain& domain, const xen_mem_acquire_resource_t& op) {
    if (op.type != XENMEM_resource_grant_table) return 0;
    if (op.id == XENMEM_resource_grant_table_id_shared) return domain.max_grant_frames;
    return op.id == XENMEM_resource_grant_table_id_status ? grant_status_frames_for(domain.max_grant_frames) : 0;
}

Result<s64> acquire_resource(HypercallArgs& args, u64 start) {
    using Op = xen_mem_acquire_resource_t;
    const auto op = TRY(read_guest<Op>(args.a[1]));
    if (op.pad) return Errno::inval;
    const DomainRef domain = TRY(DomainRef::find(Domid{op.domid}));
    if (&*domain == current().domain) return Errno::perm;
    TRY(xsm_check(XsmOp::acquire_resource, *domain));
    const u64 limit = resource_frames(*domain, op);
    if (!limit) return op.type == XENMEM_resource_grant_table ? Errno::inval : Errno::opnotsupp;
    const GuestOut<xen_pfn_t> list(op.frame_list);
    if (list.null()) {
        if (op.nr_frames) return Errno::inval;
        TRY(GuestOut<Op>(args.a[1]).write_field(&Op::nr_frames, static_cast<u32>(limit)));
        return 0;
    }
    if (op.nr_frames > memop_max_extents) return Errno::too_big;
    if (op.frame > limit || op.nr_frames > limit - op.frame || start > op.nr_frames) return Errno::inval;
    for (u64 i = start; i < op.nr_frames; ++i) {
        if (i % 32 == 0 && i != start && hypercall_preempt_check()) {
            args.a[0] = memop_resume(XENMEM_acquire_resource, i);
            return Errno::restart;
        }
        const u32 index = static_cast<u32>(op.frame + i);
        const Mfn mfn = TRY(op.id == XENMEM_resource_grant_table_id_shared ? grant_shared_frame(*domain, index)
                                                                           : grant_status_frame(*domain, index));
        TRY(list.offset(i).write(mfn.raw()));
    }
    return 0;
}

} // namespace hv::memory_op
