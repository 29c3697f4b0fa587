// SPDX-License-Identifier: MIT
// Node counts per owner that a change adds or takes; kept apart until the change is certain.
#pragma once

#include <cstdint>
#include <vector>

#include "store/tree.hpp"

namespace hospes::xs {

class Ledger {
  public:
    struct Line {
        Domid owner;
        std::int64_t nodes;
        std::int64_t bytes;
    };

    void add(Domid owner, std::int64_t nodes, std::int64_t bytes) {
        for (Line& l : lines_)
            if (l.owner == owner) {
                l.nodes += nodes;
                l.bytes += bytes;
                return;
            }
        lines_.push_back({owner, nodes, bytes});
    }
    void add(const Node& n, int sign) { add(n.perms->owner(), sign, sign * static_cast<std::int64_t>(n.bytes())); }
    /// Takes a removed subtree off.
    void remove(const Node& n) {
        add(n, -1);
        children::visit(n.children, [&](const Node& child) {
            remove(child);
            return true;
        });
    }
    std::int64_t nodes_of(Domid owner) const {
        for (const Line& l : lines_)
            if (l.owner == owner) return l.nodes;
        return 0;
    }
    std::int64_t bytes_of(Domid owner) const {
        for (const Line& l : lines_)
            if (l.owner == owner) return l.bytes;
        return 0;
    }
    const std::vector<Line>& lines() const { return lines_; }
    void clear() { lines_.clear(); }

  private:
    std::vector<Line> lines_;
};

} // namespace hospes::xs
