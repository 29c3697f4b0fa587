// SPDX-License-Identifier: MIT
// A guest's memory while it is being built: populated in the largest extents the host gives,
// written through short-lived foreign mappings.
#pragma once

#include "xc/control.hpp"
#include "xc/image.hpp"

namespace hospes::xc {

class GuestMemory {
  public:
    /// `translated`: PVH and HVM, whose memory has guest frame numbers and whose machine frames stay unseen.
    GuestMemory(Control& control, DomId domain, bool translated)
        : control_(control), domain_(domain), translated_(translated) {}

    /// Adds `pages` guest frames from `first` on; `flags` are XENMEMF_*.
    Status populate(std::uint64_t first, std::uint64_t pages, unsigned flags = 0);
    /// Adds single frames.
    Status populate(std::vector<xen_pfn_t> frames);
    /// PV: machine frame by guest frame, for all of the memory so far.
    [[nodiscard]] const std::vector<xen_pfn_t>& p2m() const { return p2m_; }

    Result<Mapping> map(std::uint64_t first_frame, std::uint64_t frames) const;
    /// Copies to guest-physical `address`; the rest of the last page is left as it is. What is no page table may stay
    /// mapped (Transport::mappings_linger): the hypervisor takes page tables only when nobody can write them.
    enum class Pages { data, tables };
    Status write(std::uint64_t address, std::span<const std::uint8_t> data, Pages kind = Pages::data) const;
    Status write(std::uint64_t address, const Content& data) const;
    Status clear(std::uint64_t address, std::uint64_t bytes) const;
    /// The kernel's segments, each with its zeroed tail, to their physical addresses less `offset`.
    Status load(const KernelImage& kernel, std::uint64_t offset) const;

  private:
    Status populate_order(std::vector<xen_pfn_t>& starts, unsigned order, unsigned flags);
    Status populate_by_size(std::vector<xen_pfn_t> (&starts)[3], unsigned flags);
    Status clear_frames(std::uint64_t first_frame, std::uint64_t frames) const;
    template <typename Action>
    Status each_window(std::uint64_t address, std::uint64_t bytes, Pages kind, Action&& action) const;
    Control& control_;
    DomId domain_;
    bool translated_;
    std::vector<xen_pfn_t> p2m_; ///< PV only
};

} // namespace hospes::xc
