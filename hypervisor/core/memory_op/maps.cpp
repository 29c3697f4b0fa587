// SPDX-License-Identifier: MIT
// Memory maps that a domain may read: its own, the machine's, and where the machine-to-physical table lies.
#include "core/init/boot_info.hpp"
#include "core/memory_op/op.hpp"
#include "core/xsm/check.hpp"
#include "mm/layout.hpp"
#include "mm/m2p.hpp"

namespace hv::memory_op {

static constexpr u32 max_map_entries = 1024;

static Result<s64> copy_map(u64 arg, const E820Entry* entries, u32 count) {
    auto op = TRY(read_guest<xen_memory_map_t>(arg));
    const GuestOut<E820Entry> buffer(op.buffer);
    const bool size_query = buffer.null();
    if (!size_query && op.nr_entries < count) count = op.nr_entries;
    if (!size_query) TRY(buffer.write(entries, count));
    op.nr_entries = count;
    TRY(GuestOut<xen_memory_map_t>(arg).write(op));
    return 0;
}

Result<s64> memory_map(u64 arg) {
    Domain& domain = *current().domain;
    const Guard guard(domain.lock); // set_memory_map may replace it
    if (!domain.arch.e820_count) return Errno::nosys;
    return copy_map(arg, domain.arch.e820, domain.arch.e820_count);
}

Result<s64> machine_memory_map(u64 arg) {
    TRY(xsm_check(XsmOp::memory_machine_map));
    return copy_map(arg, boot_info.memory, boot_info.memory_count);
}

Result<s64> set_memory_map(u64 arg) {
    const auto op = TRY(read_guest<xen_foreign_memory_map_t>(arg));
    if (op.map.nr_entries > max_map_entries) return Errno::inval;
    const DomainRef domain = TRY(DomainRef::find_any(Domid{op.domid}));
    TRY(xsm_check(XsmOp::memory_map_set, *domain));
    auto* map = static_cast<E820Entry*>(kmalloc((op.map.nr_entries + 1) * sizeof(E820Entry)));
    if (!map) return Errno::no_mem;
    const Status status = GuestIn<E820Entry>(op.map.buffer).read(map, op.map.nr_entries);
    if (status.ok()) {
        const Guard guard(domain->lock);
        E820Entry* old = domain->arch.e820;
        domain->arch.e820 = map;
        domain->arch.e820_count = op.map.nr_entries;
        map = old;
    }
    kfree(map);
    TRY(status);
    return 0;
}

Result<s64> machphys_mapping(u64 arg) {
    const xen_machphys_mapping_t mapping{ro_m2p_start, ro_m2p_end, (ro_m2p_end - ro_m2p_start) / sizeof(u64) - 1};
    TRY(GuestOut<xen_machphys_mapping_t>(arg).write(mapping));
    return 0;
}

/// One frame per 2 MiB of the table; a hole is 0.
Result<s64> machphys_mfn_list(u64 arg) {
    auto op = TRY(read_guest<xen_machphys_mfn_list_t>(arg));
    const GuestOut<xen_pfn_t> list(op.extent_start);
    const u64 chunks = (max_mfn + (u64{1} << m2p_chunk_shift) - 1) >> m2p_chunk_shift;
    u32 i = 0;
    for (; i < op.max_extents && i < chunks; ++i) {
        const Mfn mfn = m2p_chunk_frame(i);
        TRY(list.offset(i).write(mfn == invalid_mfn ? 0 : mfn.raw()));
    }
    op.nr_extents = i;
    TRY(GuestOut<xen_machphys_mfn_list_t>(arg).write(op));
    return 0;
}

/// No device of this machine reserves memory of its users (that takes an IOMMU's tables).
Result<s64> reserved_device_memory_map(u64 arg) {
    auto op = TRY(read_guest<xen_reserved_device_memory_map_t>(arg));
    op.nr_entries = 0;
    TRY(GuestOut<xen_reserved_device_memory_map_t>(arg).write(op));
    return 0;
}

} // namespace hv::memory_op
