// SPDX-License-Identifier: MIT
// A guest's memory while it is being built: populated in the largest extents the host gives,
// written through short-lived foreign mappings.
#pragma once

#include "xc/control.hpp"

namespace hospes::xc {

class GuestMemory {
  public:
    GuestMemory(Control& control, DomId domain) : control_(control), domain_(domain) {}

    /// Adds `pages` guest frames from `first` on. `translated`: PVH/HVM, where machine frames stay
    /// unseen.
    Status populate(std::uint64_t first, std::uint64_t pages, bool translated);
    /// The name the hypervisor maps a frame by: PV machine frame, else the guest frame itself.
    [[nodiscard]] xen_pfn_t mapped_name(std::uint64_t frame) const { return p2m_.empty() ? frame : p2m_[frame]; }
    [[nodiscard]] const std::vector<xen_pfn_t>& p2m() const { return p2m_; }

    Result<Mapping> map(std::uint64_t first_frame, std::uint64_t frames) const;
    /// Copies to guest-physical `address`; the rest of the last page is left as it is.
    Status write(std::uint64_t address, std::span<const std::uint8_t> data) const;
    Status clear(std::uint64_t address, std::uint64_t bytes) const;

  private:
    Status populate_order(std::vector<xen_pfn_t>& starts, unsigned order, bool translated);
    Status clear_frames(std::uint64_t first_frame, std::uint64_t frames) const;
    Control& control_;
    DomId domain_;
    std::vector<xen_pfn_t> p2m_; ///< PV only
};

} // namespace hospes::xc
