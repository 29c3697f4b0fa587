// SPDX-License-Identifier: MIT
#include "store/node.hpp"

#include <cstdlib>
#include <cstring>
#include <new>

#include "store/children.hpp"

namespace hospes::xs {

static Node* allocate(std::size_t text) {
    void* p = std::malloc(sizeof(Node) + text);
    if (!p) throw std::bad_alloc();
    return static_cast<Node*>(p);
}

Node* make_node(std::string_view name, std::string_view value, PermRef perms, std::uint64_t generation) {
    Node* n = allocate(name.size() + value.size());
    n->refs = 1;
    n->name_len = static_cast<std::uint16_t>(name.size());
    n->value_len = static_cast<std::uint16_t>(value.size());
    n->generation = generation;
    n->perms = perms.detach();
    n->children = nullptr;
    if (!name.empty()) std::memcpy(n->text(), name.data(), name.size());
    if (!value.empty()) std::memcpy(n->text() + name.size(), value.data(), value.size());
    return n;
}

void ref(Node* node) { ++node->refs; }

void unref(Node* node) {
    if (!node || --node->refs != 0) return;
    unref(node->children);
    PermRef::drop(node->perms);
    std::free(node);
}

Node* own(Node*& slot) {
    if (slot->refs == 1) return slot;
    Node* copy = allocate(slot->name_len + std::size_t{slot->value_len});
    std::memcpy(static_cast<void*>(copy), slot, slot->bytes());
    copy->refs = 1;
    PermRef::acquire(copy->perms);
    if (copy->children) ref(copy->children);
    --slot->refs;
    slot = copy;
    return copy;
}

void set_value(Node*& slot, std::string_view value) {
    if (value.size() != slot->value_len) {
        void* p = std::realloc(static_cast<void*>(slot), sizeof(Node) + slot->name_len + value.size());
        if (!p) throw std::bad_alloc();
        slot = static_cast<Node*>(p);
        slot->value_len = static_cast<std::uint16_t>(value.size());
    }
    if (!value.empty()) std::memcpy(slot->text() + slot->name_len, value.data(), value.size());
}

} // namespace hospes::xs
