// SPDX-License-Identifier: MIT
#include <charconv>

#include "engine/engine.hpp"
#include "store/path.hpp"

namespace hospes::xs {

template <class Number> static bool parse(std::string_view text, Number& out) {
    const char* end = text.data() + text.size();
    const auto [stop, error] = std::from_chars(text.data(), end, out);
    return !text.empty() && error == std::errc() && stop == end;
}

/// The one domid that a request consists of.
static bool sole_domid(std::string_view payload, Domid& out) {
    const auto text = sole_string(payload);
    return text && parse(*text, out);
}

Domain& Engine::domain(Domid domid) {
    Domain& d = domains_[domid];
    d.id = domid;
    return d;
}

Domain* Engine::find_domain(Domid domid) {
    const auto it = domains_.find(domid);
    return it == domains_.end() ? nullptr : &it->second;
}

std::vector<Domid> Engine::introduced() const {
    std::vector<Domid> ids;
    for (const auto& [id, d] : domains_)
        if (d.introduced) ids.push_back(id);
    return ids;
}

Connection& Engine::adopt_domain(Domid domid, std::uint64_t gfn, std::uint32_t port) {
    Domain& d = domain(domid);
    d.introduced = true;
    d.gfn = gfn;
    d.port = port;
    if (!d.conn) d.conn = &add_connection(domid, true);
    return *d.conn;
}

void Engine::load_released(Domid domid) {
    Domain* d = find_domain(domid);
    if (!d) return;
    if (d->conn) disconnect(*d->conn);
    perms_.forget_domain(domid);
    retire(*d);
}

void Engine::retire(Domain& d) {
    if (d.nodes == 0) {
        domains_.erase(d.id);
        return;
    }
    Domain account; // its nodes are still there, or their removal is yet to be told
    account.id = d.id;
    account.nodes = d.nodes;
    account.bytes = d.bytes;
    d = account;
}

bool Engine::load_shut_down(Domid domid) {
    Domain* d = find_domain(domid);
    if (d) d->shut_down = true;
    return d != nullptr;
}

int Engine::op_introduce(Request& r) {
    Strings s(r.payload);
    const auto domid_text = s.next();
    const auto gfn_text = s.next();
    const auto port_text = s.next();
    if (!domid_text || !gfn_text || !port_text) return EINVAL;
    Domid domid = 0;
    std::int64_t gfn = 0; // signed on the wire, whatever the sender meant
    std::uint64_t unsigned_gfn = 0;
    std::uint32_t port = 0;
    if (!parse(*domid_text, domid) || !parse(*port_text, port) || port == 0) return EINVAL;
    if (parse(*gfn_text, gfn))
        unsigned_gfn = static_cast<std::uint64_t>(gfn);
    else if (!parse(*gfn_text, unsigned_gfn))
        return EINVAL;
    if (domid == 0 || domid >= domid_first_reserved) return EINVAL;

    Domain& d = domain(domid);
    const bool known = d.introduced;
    if (const int error = host_.introduce(domid, unsigned_gfn, port)) {
        if (!known && d.nodes == 0) domains_.erase(domid);
        return error;
    }
    adopt_domain(domid, unsigned_gfn, port);
    if (journal_) journal_->introduced(domid, unsigned_gfn, port);
    reply(r);
    if (!known) fire_special("@introduceDomain");
    return 0;
}

void Engine::forget_domain(Domain& d) {
    const Domid domid = d.id;
    if (d.conn) {
        if (journal_) journal_->reset_watches(domid);
        disconnect(*d.conn);
    }
    host_.release(domid);
    d.introduced = false;
    d.shut_down = false;
    if (journal_) journal_->released(domid);
    for (const auto& c : connections_)
        if (c->target == domid) c->target = domid_none;
    perms_.forget_domain(domid);
    fire_special("@releaseDomain");
    if (!keep_orphans) remove_orphans(domid);
    retire(d);
}

int Engine::op_release(Request& r) {
    Domid domid = 0;
    if (!sole_domid(r.payload, domid)) return EINVAL;
    if (domid == 0 || domid >= domid_first_reserved) return EINVAL;
    Domain* d = find_domain(domid);
    if (!d || !d->introduced) return ENOENT;
    if (d->conn == &r.conn) return EINVAL;
    forget_domain(*d);
    return reply(r);
}

int Engine::op_resume(Request& r) {
    Domid domid = 0;
    if (!sole_domid(r.payload, domid) || domid >= domid_first_reserved) return EINVAL;
    Domain* d = find_domain(domid);
    if (!d || !d->introduced) return ENOENT;
    d->shut_down = false;
    return reply(r);
}

int Engine::op_set_target(Request& r) {
    Strings s(r.payload);
    const auto a = s.next();
    const auto b = s.next();
    Domid domid = 0;
    Domid target = 0;
    if (!a || !b || !parse(*a, domid) || !parse(*b, target)) return EINVAL;
    Domain* d = find_domain(domid);
    const Domain* t = find_domain(target);
    if (!d || !d->conn || !t || !t->introduced) return ENOENT;
    // To act for the control domain would be to be it, without the checks that go with that.
    if (domid == 0 || target == 0 || domid == target) return EINVAL;
    d->conn->target = target;
    if (journal_) journal_->target(domid, target);
    return reply(r);
}

int Engine::op_is_introduced(Request& r) {
    Domid domid = 0;
    if (!sole_domid(r.payload, domid)) return EINVAL;
    const Domain* d = find_domain(domid);
    const bool yes = domid == domid_self || domid == 0 || (d && d->introduced);
    return reply(r, std::string_view(yes ? "T" : "F", 2));
}

int Engine::op_domain_path(Request& r) {
    Domid domid = 0;
    if (!sole_domid(r.payload, domid)) return EINVAL;
    std::string home = home_of(domid);
    home += '\0';
    return reply(r, home);
}

bool Engine::domain_status(Domid domid, Liveness now) {
    Domain* d = find_domain(domid);
    if (!d || !d->introduced || domid == 0) return false;
    if (!now.exists) {
        forget_domain(*d);
        return true;
    }
    if (!now.shut_down || d->shut_down) return false;
    d->shut_down = true;
    fire_special("@releaseDomain");
    return true;
}

void Engine::remove_orphans(Domid domid) {
    if (!perms_.owned_by(domid)) return; // the ordinary case: the toolstack cleaned up
    std::vector<std::string> tops;
    std::string path = "/";
    const auto search = [&](const auto& self, const Node& n) -> void {
        children::visit(n.children, [&](const Node& child) {
            const std::size_t length = path.size();
            if (path != "/") path += '/';
            path += child.name();
            if (child.perms->owner() == domid)
                tops.push_back(path);
            else
                self(self, child);
            path.resize(length);
            return true;
        });
    };
    search(search, tree_.root());
    for (const std::string& top : tops) {
        if (journal_) journal_->removed(top);
        const NodeRef gone = apply_remove(tree_, ledger_, top);
        settle(ledger_);
        fire_removed(top, *gone.get());
    }
}

} // namespace hospes::xs
