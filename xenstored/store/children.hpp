// SPDX-License-Identifier: MIT
// The children of a node: a persistent B+tree that starts as one small sorted block and stays one
// for ordinary directories. Order: shorter names first, then bytewise, so that numbers sort as
// numbers. Every block carries the number of names below it and their listed size, which makes
// "does the listing fit into one reply" O(1) and a jump to a byte offset of the listing O(log n).
#pragma once

#include <cstdint>
#include <string_view>

#include "store/node.hpp"

namespace hospes::xs {

struct BlockEntry {
    std::uint64_t key; ///< length and first seven bytes of the (first) name: decides most comparisons
    union {
        Node* node;
        Block* block;
    };
};

struct Block {
    std::uint32_t refs;
    std::uint16_t count;
    std::uint16_t capacity;
    std::uint32_t level; ///< 0: entries are nodes
    std::uint32_t total; ///< nodes below
    std::uint64_t bytes; ///< sum of name length + 1 of the nodes below

    BlockEntry* entries() { return reinterpret_cast<BlockEntry*>(this + 1); }
    const BlockEntry* entries() const { return reinterpret_cast<const BlockEntry*>(this + 1); }
};

void ref(Block* block);
void unref(Block* block); ///< null is allowed

namespace children {

Node* find(const Block* root, std::string_view name);
/// The place that holds an existing child, everything on the way to it owned.
Node*& slot(Block*& root, std::string_view name);
/// Takes over the caller's reference. The name must be absent.
void insert(Block*& root, Node* node);
/// Hands the reference of an existing child to the caller.
Node* remove(Block*& root, std::string_view name);

inline std::uint32_t count(const Block* root) { return root ? root->total : 0; }
inline std::uint64_t listed_bytes(const Block* root) { return root ? root->bytes : 0; }

/// Calls visit(node) in order, starting with the name that holds byte `offset` of the listing at
/// its begin or later, until it returns false. False if visit did.
template <class Visit> bool visit_from(const Block* b, std::uint64_t offset, Visit&& visit) {
    if (!b || offset >= b->bytes) return true;
    for (std::uint16_t i = 0; i < b->count; ++i) {
        const BlockEntry& e = b->entries()[i];
        const std::uint64_t size = b->level ? e.block->bytes : e.node->name_len + std::uint64_t{1};
        if (offset >= size) {
            offset -= size;
            continue;
        }
        if (b->level) {
            if (!visit_from(e.block, offset, visit)) return false;
            offset = 0;
        } else {
            if (offset == 0 && !visit(*e.node)) return false;
            offset = 0; // an offset into the middle of a name starts at the next one
        }
    }
    return true;
}

template <class Visit> bool visit(const Block* b, Visit&& f) { return visit_from(b, 0, f); }

} // namespace children
} // namespace hospes::xs
