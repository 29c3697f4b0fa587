// SPDX-License-Identifier: MIT
// The tree as a value: copying one is O(1) (it shares all nodes), changing one copies only the path
// that leads to the change and only as far as it is shared. All paths given must be valid.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

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

/// All nodes of a tree, parents first; it can be left and taken up again, since it holds the tree as it was.
class Walk {
  public:
    explicit Walk(Tree tree) : tree_(std::move(tree)) {}
    /// The next node, its path in path(); null after the last.
    const Node* next();
    std::string_view path() const { return path_; }

  private:
    struct Level {
        const Block* block;
        std::uint32_t index;
        std::size_t parent; ///< bytes of path_ that name the directory
    };
    const Node* enter(const Node& node);

    Tree tree_;
    std::string path_;
    std::vector<Level> levels_;
};

} // namespace hospes::xs
