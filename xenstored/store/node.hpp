// SPDX-License-Identifier: MIT
// A node of the store: 32 bytes of header, then its name, then its value, in one allocation.
// Nodes are shared between the live tree, snapshots and transactions by reference count. A node
// with more than one reference is never changed; who wants to change it clones it first (path
// copying).
#pragma once

#include <cstdint>
#include <string_view>
#include <utility>

#include "store/perms.hpp"

namespace hospes::xs {

struct Block; // store/children.hpp

struct Node {
    std::uint32_t refs;
    std::uint16_t name_len;
    std::uint16_t value_len;
    std::uint64_t generation; ///< changes whenever the list of children changes
    PermSet* perms;           ///< holds one reference
    Block* children;          ///< holds one reference; null for a leaf

    std::string_view name() const { return {text(), name_len}; }
    std::string_view value() const { return {text() + name_len, value_len}; }
    std::size_t bytes() const { return sizeof(Node) + name_len + value_len; }
    char* text() { return reinterpret_cast<char*>(this + 1); }
    const char* text() const { return reinterpret_cast<const char*>(this + 1); }
};
static_assert(sizeof(Node) == 32);

/// A new node with one reference, owned by the caller.
Node* make_node(std::string_view name, std::string_view value, PermRef perms, std::uint64_t generation);
void ref(Node* node);
void unref(Node* node); ///< null is allowed

/// Makes `slot` the only reference to its node, cloning a shared one.
Node* own(Node*& slot);
/// Changes the value; the node must be owned. It may move.
void set_value(Node*& slot, std::string_view value);

/// RAII over one reference.
class NodeRef {
  public:
    NodeRef() = default;
    explicit NodeRef(Node* adopted) : node_(adopted) {}
    NodeRef(const NodeRef&) = delete;
    NodeRef(NodeRef&& other) noexcept : node_(std::exchange(other.node_, nullptr)) {}
    NodeRef& operator=(NodeRef other) noexcept {
        std::swap(node_, other.node_);
        return *this;
    }
    ~NodeRef() { unref(node_); }
    Node* get() const { return node_; }
    const Node* operator->() const { return node_; }
    explicit operator bool() const { return node_ != nullptr; }

  private:
    Node* node_ = nullptr;
};

} // namespace hospes::xs
