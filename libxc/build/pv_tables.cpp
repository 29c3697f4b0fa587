// SPDX-License-Identifier: MIT
#include "build/pv_tables.hpp"

#include <algorithm>

namespace hospes::xc {
namespace {

// AMD64 APM volume 2, 5.4: page-table entry bits.
constexpr std::uint64_t present = 1, writable = 2, user = 4, accessed = 0x20, dirty = 0x40;
constexpr std::uint64_t address_mask = 0x000ffffffffff000ULL;
// A PV kernel runs in ring 3: without `user` it could not reach its own tables' targets.
constexpr std::uint64_t table_bits = present | writable | user | accessed | dirty;
constexpr std::uint64_t page_bits = present | user | accessed;

std::size_t slot_of(std::uint64_t address, unsigned level) { return (address >> (12 + 9 * (level - 1))) & 511; }

} // namespace

std::uint64_t tables_for(std::uint64_t virtual_start, std::uint64_t pages) {
    if (pages == 0) return 0;
    const std::uint64_t last = virtual_start + (pages << 12) - 1;
    std::uint64_t total = 0;
    for (unsigned level = 1; level <= 3; ++level) {
        const unsigned shift = 12 + 9 * level;
        total += (last >> shift) - (virtual_start >> shift) + 1;
    }
    return total;
}

bool PvTables::is_table(std::uint64_t frame) const {
    return std::find(frames_.begin(), frames_.end(), frame) != frames_.end();
}

std::size_t PvTables::descend(std::size_t table, std::size_t slot) {
    const std::uint64_t entry = tables_[table][slot];
    if (entry & present) {
        const std::uint64_t machine = (entry & address_mask) >> 12;
        for (std::size_t i = 0; i < used_; ++i)
            if (p2m_[frames_[i]] == machine) return i;
        return static_cast<std::size_t>(-1);
    }
    if (used_ == frames_.size()) return static_cast<std::size_t>(-1);
    tables_[table][slot] = (p2m_[frames_[used_]] << 12) | table_bits;
    return used_++;
}

bool PvTables::map(const PvRange& range) {
    std::size_t l1 = 0;
    for (std::uint64_t i = 0; i < range.pages; ++i) {
        const std::uint64_t address = range.virtual_start + (i << 12);
        if (i == 0 || slot_of(address, 1) == 0) {
            std::size_t table = 0;
            for (unsigned level = 4; level > 1; --level) {
                table = descend(table, slot_of(address, level));
                if (table == static_cast<std::size_t>(-1)) return false;
            }
            l1 = table;
        }
        const std::uint64_t frame = range.first_frame + i;
        if (frame >= p2m_.size()) return false;
        tables_[l1][slot_of(address, 1)] = (p2m_[frame] << 12) | page_bits | (is_table(frame) ? 0 : writable | dirty);
    }
    return true;
}

} // namespace hospes::xc
