// SPDX-License-Identifier: MIT
// The guest's copy of its run state (xen/vcpu.h VCPUOP_register_runstate_memory_area): an address of the guest kernel,
// written at every switch. In guest user mode the kernel is not mapped, so it is reached through its page tables.
#include "core/hypercall/guest_ptr.hpp"
#include "core/sched/sched.hpp"
#include "lib/string.hpp"
#include "mm/layout.hpp"
#include "pv/l1_slot.hpp"
#include "pv/pv.hpp"

namespace hv {

namespace {

bool write_page_part(const Vcpu& vcpu, u64 address, const void* from, usize bytes) {
    const L1e entry{pv_walk_to(vcpu.arch.guest_table, address, 1)};
    if (!entry.present() || !entry.writable()) return false;
    // The reference keeps another vCPU from recycling the frame under us.
    const Result<TypedPageRef> page = TypedPageRef::take(entry.mfn(), *vcpu.domain, PageType::writable);
    if (!page.ok()) return false;
    memcpy(map_as<u8>(entry.mfn()) + (address & ~page_mask), from, bytes);
    return true;
}

} // namespace

bool pv_copy_to_kernel(const Vcpu& vcpu, u64 address, const void* from, usize bytes) {
    if (vcpu.arch.pv.kernel_mode) return copy_to_guest(address, from, bytes);
    if (!guest_range_ok(address, bytes)) return false;
    const usize first = min_of(bytes, page_size - (address & ~page_mask));
    return write_page_part(vcpu, address, from, first) &&
           (first == bytes ||
            write_page_part(vcpu, address + first, static_cast<const u8*>(from) + first, bytes - first));
}

void update_runstate_area(Vcpu& vcpu) {
    if (!vcpu.runstate_guest) return;
    const u64 area = vcpu.runstate_guest;
    const u64 time_field = area + offsetof(vcpu_runstate_info_t, state_entry_time);
    vcpu_runstate_info_t info = vcpu.runstate;
    const bool flagged = vcpu.domain->vm_assist >> VMASST_TYPE_runstate_update_flag & 1;
    const u64 time = info.state_entry_time;
    if (flagged) {
        info.state_entry_time |= XEN_RUNSTATE_UPDATE;
        if (!pv_copy_to_kernel(vcpu, time_field, &info.state_entry_time, sizeof(time))) return;
    }
    barrier();
    static_cast<void>(pv_copy_to_kernel(vcpu, area, &info, sizeof(info)));
    barrier();
    if (flagged) static_cast<void>(pv_copy_to_kernel(vcpu, time_field, &time, sizeof(time)));
}

} // namespace hv
