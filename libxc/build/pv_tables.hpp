// SPDX-License-Identifier: MIT
// The page tables a PV guest starts on. Pure: computes which pages are needed and fills them
// through a callback.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace hospes::xc {

/// One virtual range mapped to consecutive guest frames.
struct PvRange {
    std::uint64_t virtual_start = 0;
    std::uint64_t first_frame = 0;
    std::uint64_t pages = 0;
};

/// How many page-table pages of levels 1 to 3 a range needs when nothing is shared with another
/// range.
std::uint64_t tables_for(std::uint64_t virtual_start, std::uint64_t pages);

/// Fills tables for several ranges. `next_table` hands out guest frames for tables, L4 first.
class PvTables {
  public:
    /// `p2m[frame]` is the machine frame; `table(frame)` the table's contents (512 entries, zeroed
    /// before use).
    PvTables(std::span<const std::uint64_t> p2m, std::vector<std::uint64_t> table_frames)
        : p2m_(p2m), frames_(std::move(table_frames)), tables_(frames_.size(), Table(512)) {}

    /// Maps a range. Frames that are page tables themselves are mapped read-only, as the hypervisor
    /// demands. False when there are too few table pages.
    [[nodiscard]] bool map(const PvRange& range);
    [[nodiscard]] std::uint64_t top_frame() const { return frames_.front(); }
    [[nodiscard]] std::size_t count() const { return used_; }
    [[nodiscard]] std::uint64_t frame(std::size_t i) const { return frames_[i]; }
    [[nodiscard]] std::span<const std::uint64_t> contents(std::size_t i) const { return tables_[i]; }

  private:
    using Table = std::vector<std::uint64_t>;
    [[nodiscard]] bool is_table(std::uint64_t frame) const;
    /// Index in tables_ of the next level's table behind `entry`, created when absent; size_t(-1)
    /// when out of pages.
    std::size_t descend(std::size_t table, std::size_t slot);
    std::span<const std::uint64_t> p2m_;
    std::vector<std::uint64_t> frames_;
    std::vector<Table> tables_;
    std::size_t used_ = 1; // the L4
};

} // namespace hospes::xc
