// SPDX-License-Identifier: MIT
#include "engine/conflict.hpp"

#include <algorithm>

#include "store/path.hpp"

namespace hospes::xs {

static bool before(const ReadSet::Entry& e, std::string_view path) { return e.path < path; }

void Guard::refused(Connection& conn, Transaction& tx) {
    ++conn.conflicts;
    tx.reads.compact();
    conn.contested = tx.reads.take();
}

void Guard::committed(Connection& conn) {
    conn.conflicts = 0;
    conn.contested.clear();
}

void Guard::consider(Connection& conn, std::uint32_t tx, std::uint64_t now) {
    if (conn.conflicts < refusals_needed || now < conn.guard_not_before) return;
    if (active(now)) return;
    holder_ = &conn;
    tx_ = tx;
    started_ = now;
    deadline_ = now + (conn.privileged ? privileged_ms : unprivileged_ms);
    paths_ = conn.contested;
}

void Guard::open(Connection& conn, std::uint64_t now) {
    if (!conn.privileged) conn.guard_not_before = now + (std::min(now, deadline_) - started_ + 1) * pause_factor;
    holder_ = nullptr;
    paths_.clear();
}

bool Guard::ended(const Connection& conn, std::uint32_t tx, std::uint64_t now) {
    if (holder_ != &conn || tx_ != tx) return false;
    open(*holder_, now);
    return true;
}

bool Guard::expire(std::uint64_t now) {
    if (!holder_ || now < deadline_) return false;
    open(*holder_, now);
    return true;
}

void Guard::drop(const Connection& conn) {
    if (holder_ == &conn) holder_ = nullptr;
}

bool Guard::blocks(const Connection& conn, ChangeKind kind, std::string_view path, const Tree& live,
                   std::uint64_t now) const {
    if (!active(now) || holder_ == &conn) return false;
    auto it = std::lower_bound(paths_.begin(), paths_.end(), path, before);
    if (it != paths_.end() && it->path == path) return true;
    if (kind == ChangeKind::Remove) {
        // Sorted bytewise, "path-x" may stand between "path" and "path/below".
        const std::string below = std::string(path) + '/';
        it = std::lower_bound(paths_.begin(), paths_.end(), below, before);
        if (it != paths_.end() && it->path.starts_with(below)) return true;
    }
    // Creating or removing a node changes the list of children of the node above it, and creating
    // may bring missing parents into being.
    const bool exists = live.find(path) != nullptr;
    if (exists == (kind != ChangeKind::Remove)) return false;
    for (std::string_view up = parent_of(path);; up = parent_of(up)) {
        it = std::lower_bound(paths_.begin(), paths_.end(), up, before);
        const bool listed = it != paths_.end() && it->path == up;
        if (live.find(up)) return listed && (it->aspects & Aspect::Kids);
        if (listed) return true;
    }
}

} // namespace hospes::xs
