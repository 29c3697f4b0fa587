// SPDX-License-Identifier: MIT
// Virtual NUMA: which part of a guest's memory belongs to which of its nodes, told to the hypervisor (from whom a PV
// guest asks it, XENMEM_get_vnumainfo) and to a PVH guest's ACPI tables, and taken from the machine's nodes.
#pragma once

#include "build/acpi.hpp"
#include "build/guest_memory.hpp"
#include "xc/build.hpp"

namespace hospes::xc {

struct VnumaLayout {
    std::vector<AcpiMemory> memory;        ///< in ascending order; a node may have several parts
    std::vector<std::uint32_t> vcpu_nodes; ///< of each vCPU
    std::vector<std::uint8_t> distances;   ///< nodes x nodes
    [[nodiscard]] bool empty() const { return memory.empty(); }
};

/// The nodes' memory one after the other over the guest's `ranges` of RAM (first page, pages). Empty without nodes;
/// fails when their sum, or their vCPUs, are not the guest's.
Result<VnumaLayout> plan_vnuma(const GuestPlan& plan, std::span<const std::pair<std::uint64_t, std::uint64_t>> ranges);
/// XEN_DOMCTL_setvnumainfo. Nothing to do without nodes.
Status announce_vnuma(Control& control, const GuestPlan& plan, const VnumaLayout& layout);
/// Populates the layout's memory, each part from the machine's node that its virtual node names.
Status populate_nodes(GuestMemory& memory, const GuestPlan& plan, const VnumaLayout& layout);

} // namespace hospes::xc
