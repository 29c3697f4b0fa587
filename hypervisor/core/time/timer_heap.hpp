// SPDX-License-Identifier: MIT
// An intrusive pairing heap (Fredman et al., "The pairing heap", 1986): inserting needs no memory and cannot fail,
// taking out the minimum or any node costs O(log n) amortised. Pure: no locks, no clock.
#pragma once

#include "lib/types.hpp"

namespace hv {

struct PairingNode {
    u64 key = 0;
    PairingNode* child = nullptr;
    PairingNode* sibling = nullptr;
    PairingNode** link = nullptr; ///< the pointer that points here; nullptr when in no heap
    [[nodiscard]] bool queued() const { return link != nullptr; }
};

class PairingHeap : NoCopy {
  public:
    [[nodiscard]] PairingNode* min() const { return root_; }
    [[nodiscard]] bool empty() const { return root_ == nullptr; }
    void insert(PairingNode& node); ///< must not be queued
    void remove(PairingNode& node); ///< must be queued here

    /// Visits nodes in no order, for diagnosis: subtrees more than 32 deep are left out.
    template <typename F> void each(F&& visit) const { walk(root_, visit, 0); }

  private:
    template <typename F> static void walk(PairingNode* node, F&& visit, int depth) {
        for (; node; node = node->sibling) {
            visit(*node);
            if (depth < 32) walk(node->child, visit, depth + 1);
        }
    }
    void set_root(PairingNode* node);
    PairingNode* root_ = nullptr;
};

} // namespace hv
