// SPDX-License-Identifier: MIT
// L4 slot 260: what differs from domain to domain. Holds the GDT and LDT windows of each vCPU (mm/layout.hpp).
#pragma once

#include "core/domain/domain.hpp"

namespace hv {

Status perdomain_create(Domain& domain);
void perdomain_destroy(Domain& domain);
/// Makes room for the windows of `vcpu`; idempotent. -ENOMEM.
Status perdomain_add_vcpu(Domain& domain, VcpuId vcpu);
/// Maps frame `mfn` (invalid_mfn: nothing) at `address`, a page of gdt_address() or ldt_address(). The caller owns the
/// references. Returns what was mapped there before (invalid_mfn: nothing); then flush that page if the vCPU runs.
Mfn perdomain_set(Domain& domain, u64 address, Mfn mfn);

} // namespace hv
