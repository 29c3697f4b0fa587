// SPDX-License-Identifier: MIT
// Requests that change nodes, and the primitives that also commits and restores are made of.
#include <algorithm>

#include "engine/engine.hpp"
#include "store/path.hpp"

namespace hospes::xs {

int Engine::check_size(const Connection& conn, std::size_t bytes) const {
    return !conn.privileged && bytes > quotas.node_size ? ENOSPC : 0;
}

int Engine::check_growth(Request& r, std::int64_t nodes, std::int64_t bytes) {
    if (r.conn.privileged) return 0;
    if (r.tx) bytes += static_cast<std::int64_t>(sizeof(Change) + r.payload.size());
    Domain& d = domain(r.conn.domid);
    const bool adds = nodes > 0; // what domain 0 made below a guest may have filled its quota: it can still write
    nodes += d.nodes + (r.tx ? r.tx->ledger.nodes_of(d.id) : 0);
    bytes += static_cast<std::int64_t>(memory_of(d)) + (r.tx ? r.tx->ledger.bytes_of(d.id) : 0);
    quota_peak.nodes = std::max(quota_peak.nodes, static_cast<std::uint32_t>(std::max<std::int64_t>(nodes, 0)));
    note_memory(d, bytes);
    return (adds && nodes > quotas.nodes) || bytes > quotas.memory ? ENOSPC : 0;
}

void Engine::note_memory(Domain& d, std::int64_t bytes) {
    if (d.over_soft_memory) {
        if (bytes < quotas.memory_soft - quotas.memory_soft / 8) d.over_soft_memory = false;
    } else if (bytes > quotas.memory_soft) {
        d.over_soft_memory = true;
        host_.warn("domain " + std::to_string(d.id) + " uses " + std::to_string(bytes) +
                   " bytes, more than its soft quota of " + std::to_string(quotas.memory_soft));
    }
}

void Engine::settle(Ledger& ledger) {
    for (const Ledger::Line& l : ledger.lines()) {
        Domain& d = domain(l.owner);
        d.nodes += l.nodes;
        d.bytes += l.bytes;
    }
    ledger.clear();
}

void Engine::apply_create(Tree& tree, Ledger& ledger, bool privileged, Domid domid, std::string_view path,
                          std::string_view value) {
    const Tree::Nearest from = tree.nearest(path);
    // A new node inherits its parent's permissions, except that a guest owns what it creates.
    PermRef perms(from.node->perms);
    if (!privileged && perms->owner() != domid) perms = perms_.with_owner(*perms, domid);
    const std::size_t above = from.path == "/" ? 0 : from.path.size();
    const unsigned made = tree.create(path, value, perms, ++generation_);
    const std::size_t names = path.size() - above - made;
    ledger.add(perms->owner(), made, static_cast<std::int64_t>(made * sizeof(Node) + names + value.size()));
}

void Engine::apply_write(Tree& tree, Ledger& ledger, const Node& node, std::string_view path, std::string_view value) {
    ledger.add(node.perms->owner(), 0,
               static_cast<std::int64_t>(value.size()) - static_cast<std::int64_t>(node.value_len));
    tree.set_value(path, value);
}

NodeRef Engine::apply_remove(Tree& tree, Ledger& ledger, std::string_view path) {
    NodeRef gone = tree.remove(path, ++generation_);
    ledger.remove(*gone.get());
    return gone;
}

int Engine::create(Request& r, ChangeKind kind, std::string_view path, std::string_view value) {
    const Tree& now = view(r);
    const Tree::Nearest up = now.nearest(path);
    const std::string_view fresh = path.substr(up.path == "/" ? 0 : up.path.size());
    const auto made = static_cast<std::int64_t>(std::count(fresh.begin(), fresh.end(), '/'));
    if (const int e = check_size(r.conn, leaf_of(path).size() + value.size() + sizeof(Node))) return e;
    const std::int64_t bytes =
        made * static_cast<std::int64_t>(sizeof(Node)) + static_cast<std::int64_t>(fresh.size() + value.size());
    if (const int e = check_growth(r, made, bytes)) return e;
    if (r.tx) {
        apply_create(r.tx->tree, r.tx->ledger, r.conn.privileged, r.conn.domid, path, value);
        r.tx->record({kind, std::string(path), std::string(value), {}});
        return reply(r);
    }
    apply_create(tree_, ledger_, r.conn.privileged, r.conn.domid, path, value);
    settle(ledger_);
    if (journal_) journal_->node(path, value, *tree_.find(path)->perms);
    const int done = reply(r);
    fire(path, nullptr, nullptr);
    return done;
}

int Engine::op_write(Request& r) {
    Strings s(r.payload);
    const auto raw = s.next();
    if (!raw) return EINVAL;
    const std::string_view value = s.rest();
    const Found f = lookup(r, *raw, Access::Write, 0);
    if (f.error == ENOENT) return create(r, ChangeKind::Write, f.path, value);
    if (f.error) return f.error;
    if (const int e = check_size(r.conn, f.node->name_len + value.size() + sizeof(Node))) return e;
    if (value.size() > f.node->value_len || r.tx) {
        const auto more = static_cast<std::int64_t>(value.size()) - f.node->value_len;
        if (const int e = check_growth(r, 0, std::max<std::int64_t>(more, 0))) return e;
    }
    if (r.tx) {
        apply_write(r.tx->tree, r.tx->ledger, *f.node, f.path, value);
        r.tx->record({ChangeKind::Write, std::string(f.path), std::string(value), {}});
        return reply(r);
    }
    if (journal_) journal_->node(f.path, value, *f.node->perms);
    apply_write(tree_, ledger_, *f.node, f.path, value);
    settle(ledger_);
    const int done = reply(r);
    fire(f.path, nullptr, nullptr);
    return done;
}

int Engine::op_mkdir(Request& r) {
    const auto raw = sole_string(r.payload);
    if (!raw) return EINVAL;
    const Found f = lookup(r, *raw, Access::Write, 0);
    if (f.error == ENOENT) return create(r, ChangeKind::Mkdir, f.path, {});
    return f.error ? f.error : reply(r);
}

int Engine::op_rm(Request& r) {
    const auto raw = sole_string(r.payload);
    if (!raw) return EINVAL;
    const Found f = lookup(r, *raw, Access::Write, 0);
    if (f.error == ENOENT) {
        // What is gone already is fine, as long as the place where it would be exists.
        const std::string_view up = parent_of(f.path);
        if (const int e = depend(r, up, Aspect::Exists)) return e;
        return view(r).find(up) ? reply(r) : ENOENT;
    }
    if (f.error) return f.error;
    if (f.path == "/") return EINVAL;
    if (r.tx) {
        if (const int e = check_growth(r, 0, 0)) return e;
        apply_remove(r.tx->tree, r.tx->ledger, f.path);
        r.tx->record({ChangeKind::Remove, std::string(f.path), {}, {}});
        return reply(r);
    }
    if (journal_) journal_->removed(f.path);
    const NodeRef gone = apply_remove(tree_, ledger_, f.path);
    settle(ledger_);
    const int done = reply(r);
    fire_removed(f.path, *gone.get());
    return done;
}

bool Engine::must_wait(const Request& r) const {
    const auto blocked = [&](ChangeKind kind, std::string_view path) {
        return guard_.blocks(r.conn, kind, path, tree_, now_);
    };
    if (r.header.type == XS_TRANSACTION_END) {
        if (!r.tx || r.payload != std::string_view("T\0", 2)) return false;
        return std::any_of(r.tx->changes.begin(), r.tx->changes.end(),
                           [&](const Change& c) { return blocked(c.kind, c.path); });
    }
    if (r.tx) return false;
    ChangeKind kind;
    switch (r.header.type) {
    case XS_WRITE: kind = ChangeKind::Write; break;
    case XS_MKDIR: kind = ChangeKind::Mkdir; break;
    case XS_RM: kind = ChangeKind::Remove; break;
    case XS_SET_PERMS: kind = ChangeKind::SetPerms; break;
    default: return false;
    }
    Strings s(r.payload);
    const auto raw = s.next();
    if (!raw) return false;
    std::string path(*raw);
    if (path.empty() || path[0] != '/') path = home_of(r.conn.domid) + '/' + path;
    return valid_path(path, Special::No) && blocked(kind, path);
}

} // namespace hospes::xs
