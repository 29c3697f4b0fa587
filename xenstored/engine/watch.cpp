// SPDX-License-Identifier: MIT
#include "engine/watch.hpp"

#include <algorithm>

#include "engine/connection.hpp"

namespace hospes::xs {

static auto position(const WatchNode& n, std::string_view name) {
    return std::lower_bound(n.kids.begin(), n.kids.end(), name,
                            [](const auto& k, std::string_view s) { return k->name < s; });
}

const WatchNode* WatchTrie::kid(const WatchNode& n, std::string_view name) {
    const auto it = position(n, name);
    return it != n.kids.end() && (*it)->name == name ? it->get() : nullptr;
}

WatchNode& WatchTrie::make_kid(WatchNode& n, std::string_view name) {
    const auto it = position(n, name);
    if (it != n.kids.end() && (*it)->name == name) return **it;
    auto fresh = std::make_unique<WatchNode>();
    fresh->name = name;
    fresh->parent = &n;
    return **n.kids.insert(it, std::move(fresh));
}

const WatchNode* WatchTrie::locate(std::string_view path) const {
    const WatchNode* n = &root_for(path);
    Components parts(path);
    for (std::string_view name; n && parts.next(name);)
        n = kid(*n, name);
    return n;
}

Watch* WatchTrie::find(const Connection& conn, std::string_view path, std::string_view token) {
    const WatchNode* n = locate(path);
    if (!n) return nullptr;
    for (const auto& w : n->watches)
        if (w->conn == &conn && w->token == token) return w.get();
    return nullptr;
}

Watch* WatchTrie::add(Connection& conn, std::string_view path, std::string_view token) {
    if (find(conn, path, token)) return nullptr;
    WatchNode* n = &root_for(path);
    Components parts(path);
    for (std::string_view name; parts.next(name);)
        n = &make_kid(*n, name);
    auto w = std::make_unique<Watch>();
    w->conn = &conn;
    w->path = path;
    w->token = token;
    w->home = 0;
    w->depth = any_depth;
    w->node = n;
    w->index = conn.watches.size();
    w->queued_end = 0;
    conn.watches.push_back(w.get());
    n->watches.push_back(std::move(w));
    ++size_;
    return n->watches.back().get();
}

void WatchTrie::remove(Watch& watch) {
    auto& mine = watch.conn->watches;
    mine[watch.index] = mine.back();
    mine[watch.index]->index = watch.index;
    mine.pop_back();
    WatchNode* n = watch.node;
    const auto it =
        std::find_if(n->watches.begin(), n->watches.end(), [&](const auto& w) { return w.get() == &watch; });
    n->watches.erase(it);
    --size_;
    prune(n);
}

void WatchTrie::prune(WatchNode* n) {
    while (n->parent && n->watches.empty() && n->kids.empty()) {
        WatchNode* up = n->parent;
        up->kids.erase(position(*up, n->name));
        n = up;
    }
}

} // namespace hospes::xs
