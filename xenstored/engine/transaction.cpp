// SPDX-License-Identifier: MIT
#include "engine/transaction.hpp"

#include <algorithm>

namespace hospes::xs {

void ReadSet::compact() {
    std::sort(entries_.begin(), entries_.end(), [](const Entry& a, const Entry& b) { return a.path < b.path; });
    std::size_t last = 0;
    for (std::size_t i = 1; i < entries_.size(); ++i) {
        if (entries_[i].path == entries_[last].path)
            entries_[last].aspects |= entries_[i].aspects;
        else if (++last != i)
            entries_[last] = std::move(entries_[i]);
    }
    if (!entries_.empty()) entries_.resize(last + 1);
    bytes_ = 0;
    for (const Entry& e : entries_)
        bytes_ += e.path.size() + sizeof(Entry);
    compact_at_ = std::max<std::size_t>(64, entries_.size() * 2);
}

static bool unchanged(const Node* before, const Node* now, std::uint8_t aspects) {
    if (before == now) return true;
    if (!before || !now) return false;
    if ((aspects & Aspect::Value) && before->value() != now->value()) return false;
    if ((aspects & Aspect::Kids) && before->generation != now->generation) return false;
    return !(aspects & Aspect::Perms) || before->perms == now->perms;
}

bool still_valid(const Transaction& tx, const Tree& now) {
    if (tx.base.same_as(now)) return true;
    return std::all_of(tx.reads.entries().begin(), tx.reads.entries().end(),
                       [&](const auto& e) { return unchanged(tx.base.find(e.path), now.find(e.path), e.aspects); });
}

} // namespace hospes::xs
