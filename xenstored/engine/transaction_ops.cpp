// SPDX-License-Identifier: MIT
// Start is O(1). Commit is O(1) if nobody else changed the tree meanwhile; otherwise what the
// transaction looked at is compared and its changes are repeated on the newer tree.
#include <algorithm>

#include "engine/engine.hpp"
#include "store/path.hpp"

namespace hospes::xs {

int Engine::op_transaction_start(Request& r) {
    Connection& c = r.conn;
    if (r.tx) return EBUSY; // no transaction inside a transaction
    if (c.ring) {
        Domain& d = domain(c.domid);
        if (!c.privileged && d.transactions >= quotas.transactions) return ENOSPC;
        ++d.transactions;
        quota_peak.transactions = std::max(quota_peak.transactions, d.transactions);
    }
    while (c.next_tx == 0 || c.find_tx(c.next_tx))
        ++c.next_tx;
    const std::uint32_t id = c.next_tx++;
    c.transactions.push_back(std::make_unique<Transaction>(id, tree_));
    guard_.consider(c, id, now_);
    std::string text = std::to_string(id);
    text += '\0';
    return reply(r, text);
}

int Engine::op_transaction_end(Request& r) {
    const auto word = sole_string(r.payload);
    if (!word || (*word != "T" && *word != "F")) return EINVAL;
    if (!r.tx) return ENOENT;
    const int error = *word == "T" ? commit(r, *r.tx) : reply(r);
    if (guard_.ended(r.conn, r.tx->id, now_)) resumable_ = true;
    drop_transaction(r.conn, *r.tx);
    return error;
}

int Engine::commit(Request& r, Transaction& tx) {
    if (tx.changes.empty() && !tx.doomed) {
        // What was read is one snapshot, so it is consistent whatever happened since.
        Guard::committed(r.conn);
        return reply(r);
    }
    if (tx.doomed || !still_valid(tx, tree_)) {
        guard_.refused(r.conn, tx);
        return EAGAIN;
    }
    const Tree before = tree_;
    if (tx.base.same_as(tree_)) {
        tree_ = tx.tree;
        settle(tx.ledger);
    } else {
        Tree work = tree_;
        ledger_.clear();
        const int error = replay(r.conn, tx, work, ledger_);
        if (error) {
            ledger_.clear();
            if (error == EAGAIN) guard_.refused(r.conn, tx);
            return error;
        }
        tree_ = std::move(work);
        settle(ledger_);
    }
    Guard::committed(r.conn);
    reply(r);
    announce(tx, before);
    return 0;
}

int Engine::replay(const Connection& conn, Transaction& tx, Tree& onto, Ledger& ledger) {
    for (const Change& c : tx.changes)
        if (const int error = replay_change(conn, c, onto, ledger)) return error;
    if (conn.privileged) return 0;
    const Domain& d = domain(conn.domid);
    const std::int64_t added = ledger.nodes_of(d.id);
    return added > 0 && d.nodes + added > quotas.nodes ? ENOSPC : 0;
}

int Engine::replay_change(const Connection& conn, const Change& c, Tree& onto, Ledger& ledger) {
    const Node* n = onto.find(c.path);
    if (!conn.privileged) {
        const PermSet* perms = n ? n->perms : onto.nearest(c.path).node->perms;
        if (!may(conn, *perms, Access::Write)) return EAGAIN;
    }
    switch (c.kind) {
    case ChangeKind::Write:
        if (n)
            apply_write(onto, ledger, *n, c.path, c.value);
        else
            apply_create(onto, ledger, conn.privileged, conn.domid, c.path, c.value);
        break;
    case ChangeKind::Mkdir:
        if (!n) apply_create(onto, ledger, conn.privileged, conn.domid, c.path, {});
        break;
    case ChangeKind::Remove:
        if (n) apply_remove(onto, ledger, c.path);
        break;
    case ChangeKind::SetPerms:
        if (!n) return EAGAIN;
        apply_perms(onto, ledger, c.path, c.perms);
        break;
    }
    return 0;
}

void Engine::announce(const Transaction& tx, const Tree& before) {
    for (const Change& c : tx.changes) {
        const Node* now = tree_.find(c.path);
        if (journal_) {
            if (now)
                journal_->node(c.path, now->value(), *now->perms);
            else
                journal_->removed(c.path);
        }
        const Node* old = before.find(c.path);
        if (c.kind == ChangeKind::Remove) {
            // The node may have been made again later in the transaction, or never have been seen.
            if (old)
                fire_removed(c.path, *old);
            else
                fire(c.path, nullptr, nullptr);
        } else {
            fire(c.path, nullptr, old ? old->perms : nullptr);
        }
    }
}

void Engine::drop_transaction(Connection& conn, Transaction& tx) {
    const auto it =
        std::find_if(conn.transactions.begin(), conn.transactions.end(), [&](const auto& t) { return t.get() == &tx; });
    conn.transactions.erase(it);
    if (conn.ring) --domain(conn.domid).transactions;
}

void Engine::drop_transactions(Connection& conn) {
    if (guard_.held_by(conn)) {
        guard_.drop(conn);
        resumable_ = true;
    }
    while (!conn.transactions.empty())
        drop_transaction(conn, *conn.transactions.back());
}

} // namespace hospes::xs
