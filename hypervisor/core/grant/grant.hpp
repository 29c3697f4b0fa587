// SPDX-License-Identifier: MIT
// Grant tables as the rest of the hypervisor sees them.
#pragma once

#include "core/domain/domain.hpp"

namespace hv {

Status grant_table_create(Domain& domain, u32 max_frames, u32 max_maptrack, u32 max_version);
/// Drops every mapping the dying domain still holds of others' pages; preemptible.
Status grant_table_relinquish(Domain& domain);
void grant_table_destroy(Domain& domain);
/// XENMEM_acquire_resource / XENMAPSPACE_grant_table: frame `index` of the shared (or status) table, grown on demand.
Result<Mfn> grant_shared_frame(Domain& domain, u32 index);
Result<Mfn> grant_status_frame(Domain& domain, u32 index);
/// Status frames (16 bits per entry) that `shared` frames of 16-byte entries need.
constexpr u32 grant_status_frames_for(u32 shared) { return (shared * 2 * 256 + 4095) / 4096; }

// PV page-table side of grant mapping, implemented by arch/x86/pv/grant_map.cpp.
struct GrantMapRequest {
    u64 host_addr; ///< virtual address, or machine address of a PTE with GNTMAP_contains_pte
    Mfn mfn;
    u32 flags;       ///< GNTMAP_*
    u32 cache_flags; ///< PTE cacheability bits wanted
};
/// -EINVAL etc. are translated to GNTST_general_error by the caller. The frame's references are the caller's.
Status arch_grant_map(const GrantMapRequest& request);
/// `new_addr`: virtual address whose PTE replaces it (GNTTABOP_unmap_and_replace) or 0.
Status arch_grant_unmap(const GrantMapRequest& request, u64 new_addr);

/// Debug key of this family; once at boot.
void grant_keys_register();

} // namespace hv
