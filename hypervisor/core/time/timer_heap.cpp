// SPDX-License-Identifier: MIT
#include "core/time/timer_heap.hpp"

#include "lib/assert.hpp"

namespace hv {

namespace {

void attach(PairingNode*& link, PairingNode* node) {
    link = node;
    if (node) node->link = &link;
}

/// Joins two heaps (roots without siblings); the smaller key ends on top.
PairingNode* meld(PairingNode* a, PairingNode* b) {
    if (!a || !b) return a ? a : b;
    if (b->key < a->key) {
        PairingNode* swap = a;
        a = b;
        b = swap;
    }
    attach(b->sibling, a->child);
    attach(a->child, b);
    return a;
}

/// Two-pass pairing of a sibling list: left to right in pairs, then right to left into one.
PairingNode* merge_siblings(PairingNode* first) {
    PairingNode* stack = nullptr;
    while (first) {
        PairingNode* a = first;
        PairingNode* b = a->sibling;
        first = b ? b->sibling : nullptr;
        a->sibling = nullptr;
        if (b) b->sibling = nullptr;
        a = meld(a, b);
        a->sibling = stack;
        stack = a;
    }
    PairingNode* merged = nullptr;
    while (stack) {
        PairingNode* next = stack->sibling;
        stack->sibling = nullptr;
        merged = meld(merged, stack);
        stack = next;
    }
    return merged;
}

} // namespace

void PairingHeap::set_root(PairingNode* node) { attach(root_, node); }

void PairingHeap::insert(PairingNode& node) {
    HV_ASSERT(!node.queued());
    node.child = node.sibling = nullptr;
    set_root(meld(root_, &node));
}

void PairingHeap::remove(PairingNode& node) {
    HV_ASSERT(node.queued());
    attach(*node.link, node.sibling);
    PairingNode* orphans = merge_siblings(node.child);
    node.child = node.sibling = nullptr;
    node.link = nullptr;
    set_root(meld(root_, orphans));
}

} // namespace hv
