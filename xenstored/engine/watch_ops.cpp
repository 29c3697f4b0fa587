// SPDX-License-Identifier: MIT
#include <algorithm>
#include <charconv>
#include <map>

#include "engine/engine.hpp"
#include "store/path.hpp"

namespace hospes::xs {

int Engine::op_watch(Request& r) {
    Strings s(r.payload);
    const auto raw = s.next();
    const auto token = s.next();
    if (!raw || !token) return EINVAL;
    std::uint32_t depth = any_depth;
    if (const auto text = s.next(); text && !text->empty()) {
        const char* end = text->data() + text->size();
        const auto [stop, error] = std::from_chars(text->data(), end, depth);
        if (error != std::errc() || stop != end) return EINVAL;
    }
    std::string_view path;
    if (const int e = canonical(r.conn, *raw, Special::Allowed, path)) return e;
    if (path[0] == '@' && path.size() > XENSTORE_REL_PATH_MAX) return EINVAL;
    if (watches_.find(r.conn, path, *token)) return EEXIST;
    if (!r.conn.privileged) {
        Domain& d = domain(r.conn.domid);
        if (d.watches >= quotas.watches) return E2BIG;
        const auto grown = static_cast<std::int64_t>(sizeof(Watch) + path.size() + token->size());
        if (check_growth(r, 0, grown)) return E2BIG;
    }
    Watch* w = load_watch(r.conn, *raw, *token, depth);
    if (journal_ && r.conn.ring) journal_->watch(r.conn.domid, *raw, *token, depth);
    reply(r);
    send_event(*w, w->path); // once at the start: the client need not look before it waits
    return 0;
}

Watch* Engine::load_watch(Connection& conn, std::string_view client_path, std::string_view token, std::uint32_t depth) {
    std::string_view path;
    if (canonical(conn, client_path, Special::Allowed, path)) return nullptr;
    Watch* w = watches_.add(conn, path, token);
    if (!w) return nullptr;
    w->home = static_cast<std::uint32_t>(path.size() - client_path.size());
    w->depth = depth;
    if (conn.ring) {
        Domain& d = domain(conn.domid);
        ++d.watches;
        d.side_bytes += w->bytes();
        quota_peak.watches = std::max(quota_peak.watches, d.watches);
    }
    return w;
}

int Engine::op_unwatch(Request& r) {
    Strings s(r.payload);
    const auto raw = s.next();
    const auto token = s.next();
    if (!raw || !token) return EINVAL;
    std::string_view path;
    if (const int e = canonical(r.conn, *raw, Special::Allowed, path)) return e;
    Watch* w = watches_.find(r.conn, path, *token);
    if (!w) return ENOENT;
    if (r.conn.ring && journal_) journal_->unwatch(r.conn.domid, *raw, *token);
    drop_watch(*w);
    return reply(r);
}

void Engine::drop_watch(Watch& watch) {
    if (watch.conn->ring) {
        Domain& d = domain(watch.conn->domid);
        --d.watches;
        d.side_bytes -= watch.bytes();
    }
    watches_.remove(watch);
}

bool Engine::load_unwatch(Connection& conn, std::string_view client_path, std::string_view token) {
    std::string_view path;
    if (canonical(conn, client_path, Special::Allowed, path)) return false;
    Watch* w = watches_.find(conn, path, token);
    if (w) drop_watch(*w);
    return w != nullptr;
}

void Engine::drop_watches(Connection& conn) {
    while (!conn.watches.empty())
        drop_watch(*conn.watches.back());
}

int Engine::op_reset_watches(Request& r) {
    drop_watches(r.conn);
    drop_transactions(r.conn);
    if (journal_ && r.conn.ring) journal_->reset_watches(r.conn.domid);
    return reply(r);
}

void Engine::send_event(Watch& watch, std::string_view path) {
    Connection& c = *watch.conn;
    drop_stale_events(c);
    // An event that the client has not been given yet says the same as a second one would.
    if (watch.queued_end > c.out.left() && watch.queued_path == path) return;
    if (!c.privileged && c.out.size() > quotas.memory) {
        c.overflowed = true; // the transport cuts it off: an event must not be lost in silence
        return;
    }
    const std::string_view nul("\0", 1);
    const std::string_view shown = watch.home && path.size() > watch.home ? path.substr(watch.home) : path;
    if (shown.size() + watch.token.size() + 2 > payload_max) return;
    if (!c.privileged && quotas.watch_event_seconds != 0)
        c.waiting.push_back({c.out.queued(), now_ + std::uint64_t{1000} * quotas.watch_event_seconds});
    c.out.message(XS_WATCH_EVENT, 0, 0, shown, nul, std::string_view(watch.token), nul);
    watch.queued_end = c.out.queued();
    watch.queued_path = path;
    touch(c);
}

void Engine::drop_stale_events(Connection& c) {
    while (!c.waiting.empty() && c.waiting.front().position < c.out.left())
        c.waiting.pop_front();
    if (c.waiting.empty() || now_ < c.waiting.front().until) return;
    // The transport of a ring takes whole messages: the output begins with one.
    const std::string bytes(c.out.bytes());
    std::deque<Connection::Waiting> known;
    known.swap(c.waiting);
    std::map<std::uint64_t, std::uint64_t> ends; ///< of what stays: where it was, where it is
    std::uint64_t position = c.out.left();
    c.out.clear();
    for (std::size_t at = 0; at + sizeof(Header) <= bytes.size();) {
        const std::size_t size = sizeof(Header) + read_header(bytes.data() + at).len;
        const bool event = !known.empty() && known.front().position == position;
        if (!event || now_ < known.front().until) {
            if (event) c.waiting.push_back({c.out.queued(), known.front().until});
            c.out.append(std::string_view(bytes).substr(at, size));
            ends[position + size] = c.out.queued();
        }
        if (event) known.pop_front();
        at += size;
        position += size;
    }
    for (Watch* w : c.watches) {
        const auto kept = ends.find(w->queued_end);
        w->queued_end = kept == ends.end() ? 0 : kept->second;
    }
}

void Engine::fire(std::string_view path, const Node* old, const PermSet* old_perms) {
    const Node* node = nullptr;
    const Node* up = nullptr;
    bool looked = false;
    watches_.at_or_above(path, [&](Watch& w, std::uint32_t level) {
        if (level > w.depth) return;
        if (!w.conn->privileged) {
            // Who may see the node, before or after, or its parent, may know that it changed.
            if (!looked) {
                node = old ? old : tree_.find(path);
                up = tree_.find(parent_of(path));
                looked = true;
            }
            const bool allowed = (node && may(*w.conn, *node->perms, Access::Read)) ||
                                 (old_perms && may(*w.conn, *old_perms, Access::Read)) ||
                                 (up && may(*w.conn, *up->perms, Access::Read));
            if (!allowed) return;
        }
        send_event(w, path);
    });
}

void Engine::fire_removed(std::string_view path, const Node& removed) {
    fire(path, &removed, nullptr);
    // A watch below gets its own path, if what it watched was there.
    watches_.below(path, [&](Watch& w) {
        const Node* n = &removed;
        const Node* up = nullptr;
        Components parts(std::string_view(w.path).substr(path.size()));
        for (std::string_view name; n && parts.next(name);) {
            up = n;
            n = children::find(n->children, name);
        }
        if (!n) return;
        if (!w.conn->privileged && !may(*w.conn, *n->perms, Access::Read) &&
            !(up && may(*w.conn, *up->perms, Access::Read)))
            return;
        send_event(w, w.path);
    });
}

void Engine::fire_special(std::string_view path) {
    const PermRef perms = *special(path);
    watches_.at_or_above(path, [&](Watch& w, std::uint32_t) {
        if (may(*w.conn, *perms, Access::Read)) send_event(w, path);
    });
}

void Engine::fire_all(Connection& conn) {
    for (Watch* w : conn.watches)
        send_event(*w, w->path);
}

} // namespace hospes::xs
