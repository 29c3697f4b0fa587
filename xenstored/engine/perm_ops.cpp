// SPDX-License-Identifier: MIT
#include "engine/engine.hpp"

namespace hospes::xs {

PermRef* Engine::special(std::string_view path) {
    if (path == "@introduceDomain") return &introduce_perms_;
    if (path == "@releaseDomain") return &release_perms_;
    return nullptr;
}

const PermSet& Engine::special_perms(std::string_view path) const {
    return path == "@introduceDomain" ? *introduce_perms_ : *release_perms_;
}

int Engine::op_get_perms(Request& r) {
    const auto raw = sole_string(r.payload);
    if (!raw) return EINVAL;
    const PermSet* perms = nullptr;
    if (!raw->empty() && (*raw)[0] == '@') {
        const PermRef* p = special(*raw);
        if (!p) return EINVAL;
        if (!may(r.conn, **p, Access::Read)) return EACCES;
        perms = p->get();
    } else {
        const Found f = lookup(r, *raw, Access::Read, Aspect::Perms);
        if (f.error) return f.error;
        perms = f.node->perms;
    }
    std::string text;
    for (const Perm& p : perms->entries()) {
        format_perm(p, text);
        text += '\0';
    }
    return reply(r, text);
}

int Engine::set_special_perms(Request& r, std::string_view path, PermRef perms) {
    if (!r.conn.privileged) return EACCES;
    PermRef* p = special(path);
    if (!p) return EINVAL;
    *p = std::move(perms);
    if (journal_) journal_->special_perms(path, **p);
    return reply(r);
}

void Engine::apply_perms(Tree& tree, Ledger& ledger, std::string_view path, PermRef perms) {
    const Node* n = tree.find(path);
    if (n->perms == perms.get()) return;
    ledger.add(*n, -1);
    ledger.add(perms->owner(), 1, static_cast<std::int64_t>(n->bytes()));
    tree.set_perms(path, std::move(perms));
}

int Engine::op_set_perms(Request& r) {
    Strings s(r.payload);
    const auto raw = s.next();
    if (!raw) return EINVAL;
    std::vector<Perm> entries;
    while (const auto text = s.next()) {
        const auto p = parse_perm(*text);
        if (!p) return EINVAL;
        entries.push_back(*p);
    }
    if (entries.empty() || !s.rest().empty()) return EINVAL;
    if (!r.conn.privileged && entries.size() > quotas.node_permissions) return ENOSPC;
    if (!raw->empty() && (*raw)[0] == '@') return set_special_perms(r, *raw, perms_.intern(std::move(entries)));

    const Found f = lookup(r, *raw, Access::Write, Aspect::Perms);
    if (f.error) return f.error;
    if (!r.conn.privileged) {
        // Only the owner may change permissions, and it may not give its node away.
        if (!r.conn.acts_for(f.node->perms->owner())) return EACCES;
        if (entries.front().domid != f.node->perms->owner()) return EPERM;
    }
    PermRef perms = perms_.intern(std::move(entries));
    if (r.tx) {
        if (const int e = check_growth(r, 0, 0)) return e;
        apply_perms(r.tx->tree, r.tx->ledger, f.path, perms);
        r.tx->record({ChangeKind::SetPerms, std::string(f.path), {}, perms});
        return reply(r);
    }
    if (journal_) journal_->node(f.path, f.node->value(), *perms);
    const PermRef old(f.node->perms);
    apply_perms(tree_, ledger_, f.path, perms);
    settle(ledger_);
    const int done = reply(r);
    fire(f.path, nullptr, old.get());
    return done;
}

} // namespace hospes::xs
