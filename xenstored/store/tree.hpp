// SPDX-License-Identifier: MIT
// The tree as a value: copying one is O(1) (it shares all nodes), changing one copies only the path
// that leads to the change and only as far as it is shared. All paths given must be valid.
#pragma once

#include <string_view>
#include <utility>

#include "store/children.hpp"
#include "store/node.hpp"

namespace hospes::xs {

class Tree {
  public:
    /// A tree that has a root with these permissions and nothing else.
    explicit Tree(PermRef root_perms) : root_(make_node("", "", std::move(root_perms), 1)) {}
    Tree(const Tree& other) : root_(other.root_) { ref(root_); }
    Tree(Tree&& other) noexcept : root_(std::exchange(other.root_, nullptr)) {}
    Tree& operator=(Tree other) noexcept {
        std::swap(root_, other.root_);
        return *this;
    }
    ~Tree() { unref(root_); }

    const Node& root() const { return *root_; }
    /// Same root, hence same content: a shared root is never changed in place.
    bool same_as(const Tree& other) const { return root_ == other.root_; }

    const Node* find(std::string_view path) const;

    /// The deepest existing node on the way to `path`, and the part of `path` that names it.
    struct Nearest {
        const Node* node;
        std::string_view path;
    };
    Nearest nearest(std::string_view path) const;

    void set_value(std::string_view path, std::string_view value); ///< must exist
    void set_perms(std::string_view path, PermRef perms);          ///< must exist
    /// Creates an absent node and its missing parents (with empty values), all with `perms`.
    /// Returns how many nodes that made.
    unsigned create(std::string_view path, std::string_view value, const PermRef& perms, std::uint64_t generation);
    /// Takes an existing node other than the root out, with everything below it.
    NodeRef remove(std::string_view path, std::uint64_t generation);

  private:
    Node*& own_path(std::string_view path);
    Node* root_;
};

/// Calls visit(path, node) for `node` and everything below it, parents first. `path` is `node`'s
/// own and is used as scratch space.
template <class Visit> void walk(const Node& node, std::string& path, Visit& visit) {
    visit(std::string_view(path), node);
    const std::size_t length = path.size();
    children::visit(node.children, [&](const Node& child) {
        if (path != "/") path += '/';
        path += child.name();
        walk(child, path, visit);
        path.resize(length);
        return true;
    });
}

} // namespace hospes::xs
