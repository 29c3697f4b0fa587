// SPDX-License-Identifier: MIT
#include "store/children.hpp"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <new>

namespace hospes::xs {
namespace {

constexpr std::uint16_t block_max = 32;

std::uint64_t key_of(std::string_view name) {
    std::uint64_t key = std::uint64_t{std::min<std::size_t>(name.size(), 255)} << 56;
    for (std::size_t i = 0; i < 7 && i < name.size(); ++i)
        key |= std::uint64_t{static_cast<unsigned char>(name[i])} << (48 - 8 * i);
    return key;
}

Block* allocate(std::uint16_t capacity, std::uint32_t level) {
    auto* b = static_cast<Block*>(std::malloc(sizeof(Block) + capacity * sizeof(BlockEntry)));
    if (!b) throw std::bad_alloc();
    *b = Block{1, 0, capacity, level, 0, 0};
    return b;
}

Block* own(Block*& slot) {
    if (slot->refs == 1) return slot;
    Block* copy = allocate(slot->capacity, slot->level);
    const std::uint16_t capacity = copy->capacity;
    std::memcpy(static_cast<void*>(copy), slot, sizeof(Block) + slot->count * sizeof(BlockEntry));
    copy->refs = 1;
    copy->capacity = capacity;
    for (std::uint16_t i = 0; i < copy->count; ++i) {
        if (copy->level)
            ref(copy->entries()[i].block);
        else
            ref(copy->entries()[i].node);
    }
    --slot->refs;
    slot = copy;
    return copy;
}

const Node* first_node(const BlockEntry& e, std::uint32_t level) {
    const BlockEntry* p = &e;
    for (; level != 0; --level)
        p = p->block->entries();
    return p->node;
}

/// Below, equal or above zero as `name` sorts before, equal to or after the entry's first name.
int compare(std::uint64_t key, std::string_view name, const BlockEntry& e, std::uint32_t level) {
    if (key != e.key) return key < e.key ? -1 : 1;
    if (name.size() <= 7) return 0; // the key is the whole name
    const std::string_view other = first_node(e, level)->name();
    if (name.size() != other.size()) return name.size() < other.size() ? -1 : 1;
    return std::memcmp(name.data() + 7, other.data() + 7, name.size() - 7);
}

/// Index of the first entry that does not sort before `name`; `equal` says whether it is `name`.
std::uint16_t lower_bound(const Block& b, std::uint64_t key, std::string_view name, bool& equal) {
    std::uint16_t lo = 0;
    std::uint16_t hi = b.count;
    equal = false;
    while (lo < hi) {
        const auto mid = static_cast<std::uint16_t>((lo + hi) / 2);
        const int c = compare(key, name, b.entries()[mid], b.level);
        if (c == 0) {
            equal = true;
            return mid;
        }
        if (c < 0)
            hi = mid;
        else
            lo = static_cast<std::uint16_t>(mid + 1);
    }
    return lo;
}

/// Index of the entry of an inner block under which `name` belongs.
std::uint16_t branch(const Block& b, std::uint64_t key, std::string_view name) {
    bool equal = false;
    const std::uint16_t i = lower_bound(b, key, name, equal);
    return static_cast<std::uint16_t>(equal || i == 0 ? i : i - 1);
}

void recount(Block& b) {
    b.total = 0;
    b.bytes = 0;
    for (std::uint16_t i = 0; i < b.count; ++i) {
        const BlockEntry& e = b.entries()[i];
        b.total += b.level ? e.block->total : 1;
        b.bytes += b.level ? e.block->bytes : e.node->name_len + std::uint64_t{1};
    }
}

/// Puts `e` at `at` into an owned block; returns the new right half if that needed a split.
Block* place(Block*& b, std::uint16_t at, const BlockEntry& e) {
    if (b->count == b->capacity && b->capacity < block_max) {
        const auto wider = static_cast<std::uint16_t>(std::min<int>(b->capacity * 2, block_max));
        void* p = std::realloc(static_cast<void*>(b), sizeof(Block) + wider * sizeof(BlockEntry));
        if (!p) throw std::bad_alloc();
        b = static_cast<Block*>(p);
        b->capacity = wider;
    }
    Block* right = nullptr;
    Block* into = b;
    if (b->count == block_max) {
        right = allocate(block_max, b->level);
        // Names that arrive in order fill their blocks when only the newcomer moves on.
        const auto keep = static_cast<std::uint16_t>(at == block_max ? block_max : block_max / 2);
        right->count = static_cast<std::uint16_t>(block_max - keep);
        std::memcpy(right->entries(), b->entries() + keep, right->count * sizeof(BlockEntry));
        b->count = keep;
        if (at >= keep) {
            into = right;
            at = static_cast<std::uint16_t>(at - keep);
        }
    }
    BlockEntry* slot = into->entries() + at;
    std::memmove(slot + 1, slot, (into->count - at) * sizeof(BlockEntry));
    *slot = e;
    ++into->count;
    return right;
}

Block* insert_into(Block*& b, std::uint64_t key, Node* node) {
    own(b);
    Block* right = nullptr;
    if (b->level == 0) {
        bool equal = false;
        const std::uint16_t at = lower_bound(*b, key, node->name(), equal);
        right = place(b, at, BlockEntry{key, {node}});
    } else {
        const std::uint16_t i = branch(*b, key, node->name());
        Block* sibling = insert_into(b->entries()[i].block, key, node);
        b->entries()[i].key = b->entries()[i].block->entries()[0].key;
        if (sibling) {
            BlockEntry e{sibling->entries()[0].key, {nullptr}};
            e.block = sibling;
            right = place(b, static_cast<std::uint16_t>(i + 1), e);
        }
    }
    if (right) {
        recount(*b);
        recount(*right);
    } else {
        b->total += 1;
        b->bytes += node->name_len + std::uint64_t{1};
    }
    return right;
}

void erase(Block& b, std::uint16_t at) {
    BlockEntry* slot = b.entries() + at;
    std::memmove(slot, slot + 1, (b.count - at - 1) * sizeof(BlockEntry));
    --b.count;
}

/// Joins the child at `i` with its right neighbour when both together leave room in one block.
void merge(Block& b, std::uint16_t i) {
    if (i + 1 >= b.count) return;
    BlockEntry& l = b.entries()[i];
    BlockEntry& r = b.entries()[i + 1];
    if (l.block->count + r.block->count > block_max * 3 / 4) return;
    Block* left = own(l.block);
    Block* right = own(r.block);
    if (left->capacity < block_max) {
        void* p = std::realloc(static_cast<void*>(left), sizeof(Block) + block_max * sizeof(BlockEntry));
        if (!p) throw std::bad_alloc();
        left = l.block = static_cast<Block*>(p);
        left->capacity = block_max;
    }
    std::memcpy(left->entries() + left->count, right->entries(), right->count * sizeof(BlockEntry));
    left->count = static_cast<std::uint16_t>(left->count + right->count);
    recount(*left);
    std::free(right); // its references moved
    erase(b, static_cast<std::uint16_t>(i + 1));
}

Node* remove_from(Block*& b, std::uint64_t key, std::string_view name) {
    own(b);
    Node* gone = nullptr;
    if (b->level == 0) {
        bool equal = false;
        const std::uint16_t at = lower_bound(*b, key, name, equal);
        gone = b->entries()[at].node;
        erase(*b, at);
    } else {
        const std::uint16_t i = branch(*b, key, name);
        BlockEntry& e = b->entries()[i];
        gone = remove_from(e.block, key, name);
        if (e.block->count == 0) {
            unref(e.block);
            erase(*b, i);
        } else {
            e.key = e.block->entries()[0].key;
            if (e.block->count < block_max / 4) {
                merge(*b, i);
                if (i > 0) merge(*b, static_cast<std::uint16_t>(i - 1));
            }
        }
    }
    b->total -= 1;
    b->bytes -= gone->name_len + std::uint64_t{1};
    return gone;
}

} // namespace

void ref(Block* block) { ++block->refs; }

void unref(Block* block) {
    if (!block || --block->refs != 0) return;
    for (std::uint16_t i = 0; i < block->count; ++i) {
        if (block->level)
            unref(block->entries()[i].block);
        else
            unref(block->entries()[i].node);
    }
    std::free(block);
}

namespace children {

Node* find(const Block* root, std::string_view name) {
    if (!root) return nullptr;
    const std::uint64_t key = key_of(name);
    for (; root->level != 0; root = root->entries()[branch(*root, key, name)].block) {
    }
    bool equal = false;
    const std::uint16_t i = lower_bound(*root, key, name, equal);
    return equal ? root->entries()[i].node : nullptr;
}

Node*& slot(Block*& root, std::string_view name) {
    const std::uint64_t key = key_of(name);
    Block** b = &root;
    for (own(*b); (*b)->level != 0; own(*b))
        b = &(*b)->entries()[branch(**b, key, name)].block;
    bool equal = false;
    return (*b)->entries()[lower_bound(**b, key, name, equal)].node;
}

void insert(Block*& root, Node* node) {
    if (!root) root = allocate(1, 0);
    const std::uint64_t key = key_of(node->name());
    Block* right = insert_into(root, key, node);
    if (!right) return;
    Block* top = allocate(block_max, root->level + 1);
    top->count = 2;
    top->entries()[0].key = root->entries()[0].key;
    top->entries()[0].block = root;
    top->entries()[1].key = right->entries()[0].key;
    top->entries()[1].block = right;
    recount(*top);
    root = top;
}

Node* remove(Block*& root, std::string_view name) {
    Node* gone = remove_from(root, key_of(name), name);
    while (root && (root->count == 0 || (root->level != 0 && root->count == 1))) {
        Block* only = root->count ? root->entries()[0].block : nullptr;
        std::free(root);
        root = only;
    }
    return gone;
}

} // namespace children
} // namespace hospes::xs
