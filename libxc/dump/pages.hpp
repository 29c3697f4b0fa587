// SPDX-License-Identifier: MIT
// Which pages a domain has. What a PV guest says about its memory is hostile.
#pragma once

#include "xc/control.hpp"

namespace hospes::xc {

/// Laid out as the core file has it (struct xen_dumpcore_p2m).
struct DumpFrame {
    std::uint64_t pfn = 0;
    std::uint64_t gmfn = 0; ///< the name it is mapped by
};

/// A PV guest's physical-to-machine list, from the tree that its shared info page names. At most as many
/// entries as the domain has pages.
Result<std::vector<DumpFrame>> pv_frames(Control& control, const DomainInfo& info, const shared_info_t& shared);

/// Where a PVH or HVM domain may have memory, as [first, end), the likeliest first.
Result<std::vector<std::pair<xen_pfn_t, xen_pfn_t>>> translated_ranges(Control& control, const DomainInfo& info);

} // namespace hospes::xc
