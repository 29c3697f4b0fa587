// SPDX-License-Identifier: MIT
#include "store/tree.hpp"

#include "store/path.hpp"

namespace hospes::xs {

const Node* Tree::find(std::string_view path) const {
    const Node* n = root_;
    Components parts(path);
    for (std::string_view name; n && parts.next(name);)
        n = children::find(n->children, name);
    return n;
}

Tree::Nearest Tree::nearest(std::string_view path) const {
    Nearest at{root_, "/"};
    Components parts(path);
    for (std::string_view name; parts.next(name);) {
        const Node* child = children::find(at.node->children, name);
        if (!child) break;
        at = {child, parts.prefix()};
    }
    return at;
}

Node*& Tree::own_path(std::string_view path) {
    Node** at = &root_;
    own(*at);
    Components parts(path);
    for (std::string_view name; parts.next(name);) {
        at = &children::slot((*at)->children, name);
        own(*at);
    }
    return *at;
}

void Tree::set_value(std::string_view path, std::string_view value) { xs::set_value(own_path(path), value); }

void Tree::set_perms(std::string_view path, PermRef perms) {
    Node* n = own_path(path);
    PermSet* old = std::exchange(n->perms, perms.detach());
    PermRef::drop(old);
}

unsigned Tree::create(std::string_view path, std::string_view value, const PermRef& perms, std::uint64_t generation) {
    const Nearest from = nearest(path);
    Node* parent = own_path(from.path);
    parent->generation = generation;
    std::string_view rest = path.substr(from.path == "/" ? 0 : from.path.size());
    unsigned made = 0;
    Components parts(rest);
    for (std::string_view name; parts.next(name); ++made) {
        const bool last = parts.prefix().size() == rest.size();
        Node* n = make_node(name, last ? value : std::string_view(), perms, generation);
        children::insert(parent->children, n);
        parent = n;
    }
    return made;
}

NodeRef Tree::remove(std::string_view path, std::uint64_t generation) {
    Node* parent = own_path(parent_of(path));
    parent->generation = generation;
    return NodeRef(children::remove(parent->children, leaf_of(path)));
}

const Node* Walk::enter(const Node& node) {
    if (node.children) levels_.push_back({node.children, 0, path_.size()});
    return &node;
}

const Node* Walk::next() {
    if (path_.empty()) {
        path_.push_back('/');
        return enter(tree_.root());
    }
    while (!levels_.empty()) {
        Level& at = levels_.back();
        if (at.index == at.block->count) {
            levels_.pop_back();
            continue;
        }
        const BlockEntry& e = at.block->entries()[at.index++];
        if (at.block->level) {
            levels_.push_back({e.block, 0, at.parent});
            continue;
        }
        path_.resize(at.parent);
        if (at.parent > 1) path_ += '/';
        path_ += e.node->name();
        return enter(*e.node);
    }
    return nullptr;
}

} // namespace hospes::xs
