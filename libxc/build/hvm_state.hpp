// SPDX-License-Identifier: MIT
// The first state of a PVH guest's vCPUs, as records of the hypervisor's own save format
// (xen/arch-x86/hvm/save.h). Pure.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "xc/result.hpp"

namespace hospes::xc {

struct PvhEntry {
    std::uint32_t address = 0;    ///< physical, from the kernel's PHYS32_ENTRY note
    std::uint32_t start_info = 0; ///< physical address of hvm_start_info, handed over in %ebx
};

/// vCPU 0 in flat 32-bit protected mode without paging at the entry point; the others wait for INIT
/// and SIPI. Memory is write-back by default on all. `current` is what the hypervisor says about the new
/// domain; its header and MTRR record are taken over.
Result<std::vector<std::uint8_t>> pvh_start_state(std::span<const std::uint8_t> current, unsigned vcpus,
                                                  const PvhEntry& entry);

} // namespace hospes::xc
