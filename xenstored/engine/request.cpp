// SPDX-License-Identifier: MIT
// What all handlers share: paths, permissions, dependencies of transactions, replies.
#include "engine/engine.hpp"
#include "store/path.hpp"

namespace hospes::xs {

Access Connection::access_to(const PermSet& perms) const {
    if (privileged || acts_for(perms.owner())) return Access::Both;
    for (std::size_t i = 1; i < perms.entries().size(); ++i)
        if (acts_for(perms.entries()[i].domid)) return perms.entries()[i].access;
    return perms.entries().front().access;
}

bool Engine::may(const Connection& conn, const PermSet& perms, Access need) const {
    const auto have = static_cast<unsigned>(conn.access_to(perms));
    return (have & static_cast<unsigned>(need)) == static_cast<unsigned>(need);
}

int Engine::canonical(const Connection& conn, std::string_view raw, Special special, std::string_view& out) {
    if (!raw.empty() && (raw[0] == '/' || raw[0] == '@')) {
        out = raw;
    } else {
        scratch_ = home_of(conn.domid);
        scratch_ += '/';
        scratch_ += raw;
        out = scratch_;
    }
    if (!valid_path(out, special)) return EINVAL;
    // The limit counts from below any domain's home, so that a home's depth costs nothing.
    std::size_t home = 0;
    if (out.starts_with("/local/domain/")) {
        const std::size_t end = out.find('/', 14);
        home = end == std::string_view::npos ? 0 : end + 1;
    }
    if (out.size() - home > quotas.path_max) return EINVAL;
    return 0;
}

int Engine::depend(Request& r, std::string_view path, std::uint8_t aspects) {
    if (!r.tx) return 0;
    r.tx->reads.add(path, aspects);
    if (r.conn.privileged || r.tx->reads.entries().size() <= quotas.transaction_nodes) return 0;
    r.tx->reads.compact();
    return r.tx->reads.entries().size() > quotas.transaction_nodes ? ENOSPC : 0;
}

Engine::Found Engine::lookup(Request& r, std::string_view raw, Access need, std::uint8_t aspects) {
    std::string_view path;
    if (const int error = canonical(r.conn, raw, Special::No, path)) return {error, nullptr, path};
    const Tree& tree = view(r);
    const Node* node = tree.find(path);
    std::uint8_t deps = aspects | Aspect::Exists;
    if (!r.conn.privileged && node) deps |= Aspect::Perms;
    if (const int error = depend(r, path, deps)) return {error, nullptr, path};
    if (node) {
        if (!r.conn.privileged && !may(r.conn, *node->perms, need)) return {EACCES, nullptr, path};
        return {0, node, path};
    }
    // Who may not see the nearest existing parent must not learn that the node is absent.
    if (!r.conn.privileged) {
        const Tree::Nearest up = tree.nearest(path);
        if (const int error = depend(r, up.path, Aspect::Perms)) return {error, nullptr, path};
        if (!may(r.conn, *up.node->perms, need)) return {EACCES, nullptr, path};
    }
    return {ENOENT, nullptr, path};
}

void Engine::touch(Connection& conn) {
    if (conn.dirty) return;
    conn.dirty = true;
    dirty_.push_back(&conn);
}

int Engine::reply(Request& r, std::string_view payload) {
    if (payload.size() > payload_max) return E2BIG;
    r.conn.out.message(r.header.type, r.header.req_id, r.header.tx_id, payload);
    touch(r.conn);
    return 0;
}

void Engine::fail(Connection& conn, const Header& header, int error) {
    conn.out.message(XS_ERROR, header.req_id, header.tx_id, error_name(error), std::string_view("\0", 1));
    touch(conn);
}

} // namespace hospes::xs
