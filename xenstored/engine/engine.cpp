// SPDX-License-Identifier: MIT
#include "engine/engine.hpp"

#include <algorithm>
#include <array>

#include "store/path.hpp"

namespace hospes::xs {

Engine::Engine(Host& host)
    : host_(host), tree_(perms_.intern({{0, Access::None}})), introduce_perms_(perms_.intern({{0, Access::None}})),
      release_perms_(introduce_perms_) {
    load_node("/tool/xenstored", "", introduce_perms_);
}

Engine::~Engine() = default;

Connection& Engine::add_connection(Domid domid, bool ring) {
    auto conn = std::make_unique<Connection>();
    conn->id = next_id_++;
    conn->domid = domid;
    conn->ring = ring;
    conn->privileged = domid == 0;
    connections_.push_back(std::move(conn));
    return *connections_.back();
}

Connection& Engine::connect_socket() { return add_connection(0, false); }

void Engine::reset(Connection& conn) {
    drop_transactions(conn);
    drop_watches(conn);
    conn.out.clear();
    conn.lost_transactions = false;
    if (journal_ && conn.ring) journal_->reset_watches(conn.domid);
}

void Engine::disconnect(Connection& conn) {
    drop_transactions(conn);
    drop_watches(conn);
    if (guard_.held_by(conn)) {
        guard_.drop(conn);
        resumable_ = true;
    }
    std::erase(dirty_, &conn);
    if (conn.ring) {
        if (Domain* d = find_domain(conn.domid)) d->conn = nullptr;
    }
    const auto it =
        std::find_if(connections_.begin(), connections_.end(), [&](const auto& c) { return c.get() == &conn; });
    std::swap(*it, connections_.back());
    connections_.pop_back();
}

Connection* Engine::domain_connection(Domid domid) {
    Domain* d = find_domain(domid);
    return d ? d->conn : nullptr;
}

bool Engine::resumable() {
    if (guard_.expire(now_)) resumable_ = true;
    return std::exchange(resumable_, false);
}

const Engine::Operation* Engine::operation(std::uint32_t type) {
    using E = Engine;
    static constexpr auto table = [] {
        std::array<Operation, XS_TYPE_COUNT> t{};
        t[XS_CONTROL] = {&E::op_control, true, false};
        t[XS_DIRECTORY] = {&E::op_directory, false, true};
        t[XS_READ] = {&E::op_read, false, true};
        t[XS_GET_PERMS] = {&E::op_get_perms, false, true};
        t[XS_WATCH] = {&E::op_watch, false, false};
        t[XS_UNWATCH] = {&E::op_unwatch, false, false};
        t[XS_TRANSACTION_START] = {&E::op_transaction_start, false, true};
        t[XS_TRANSACTION_END] = {&E::op_transaction_end, false, true};
        t[XS_INTRODUCE] = {&E::op_introduce, true, false};
        t[XS_RELEASE] = {&E::op_release, true, false};
        t[XS_GET_DOMAIN_PATH] = {&E::op_domain_path, false, false};
        t[XS_WRITE] = {&E::op_write, false, true};
        t[XS_MKDIR] = {&E::op_mkdir, false, true};
        t[XS_RM] = {&E::op_rm, false, true};
        t[XS_SET_PERMS] = {&E::op_set_perms, false, true};
        t[XS_IS_DOMAIN_INTRODUCED] = {&E::op_is_introduced, false, false};
        t[XS_RESUME] = {&E::op_resume, true, false};
        t[XS_SET_TARGET] = {&E::op_set_target, true, false};
        t[XS_RESET_WATCHES] = {&E::op_reset_watches, false, false};
        t[XS_DIRECTORY_PART] = {&E::op_directory_part, false, true};
        return t;
    }();
    return type < table.size() && table[type].handler ? &table[type] : nullptr;
}

Outcome Engine::handle(Connection& conn, const Header& header, std::string_view payload) {
    const Operation* op = operation(header.type);
    if (!op) {
        fail(conn, header, ENOSYS);
        return Outcome::Done;
    }
    if (op->privileged && !conn.privileged) {
        fail(conn, header, EACCES);
        return Outcome::Done;
    }
    Request r{conn, header, payload};
    if (op->transacted && header.tx_id != 0) {
        r.tx = conn.find_tx(header.tx_id);
        if (!r.tx && conn.lost_transactions && header.type != XS_TRANSACTION_START &&
            conn.transactions.size() < quotas.transactions) {
            r.tx = &load_transaction(conn, header.tx_id);
            r.tx->doomed = true;
        }
        if (!r.tx) {
            fail(conn, header, ENOENT);
            return Outcome::Done;
        }
    }
    if (guard_.active(now_) && must_wait(r)) return Outcome::Deferred;
    if (const int error = (this->*op->handler)(r)) fail(conn, header, error);
    return Outcome::Done;
}

std::uint64_t Engine::memory_of(const Domain& d) const {
    std::uint64_t sum = static_cast<std::uint64_t>(std::max<std::int64_t>(d.bytes, 0));
    sum += d.side_bytes;
    if (d.conn) {
        sum += d.conn->out.size();
        for (const auto& t : d.conn->transactions)
            sum += t->bytes();
    }
    return sum;
}

// --- restoring

void Engine::load_node(std::string_view path, std::string_view value, PermRef perms) {
    Ledger ledger;
    if (const Node* n = tree_.find(path)) {
        if (n->value() != value) apply_write(tree_, ledger, *n, path, value);
        apply_perms(tree_, ledger, path, std::move(perms));
    } else {
        const Tree::Nearest from = tree_.nearest(path);
        const unsigned made = tree_.create(path, value, perms, ++generation_);
        const std::size_t names = path.size() - (from.path == "/" ? 0 : from.path.size()) - made;
        ledger.add(perms->owner(), made, static_cast<std::int64_t>(made * sizeof(Node) + names + value.size()));
    }
    settle(ledger);
}

void Engine::load_empty(std::uint64_t generation) {
    load_removed("/tool");
    generation_ = generation;
}

void Engine::load_removed(std::string_view path) {
    if (path == "/" || !tree_.find(path)) return;
    Ledger ledger;
    apply_remove(tree_, ledger, path);
    settle(ledger);
}

void Engine::load_special(std::string_view path, PermRef perms) {
    if (PermRef* p = special(path)) *p = std::move(perms);
}

Connection& Engine::load_socket(std::uint32_t id, std::uint32_t next_tx) {
    Connection& c = add_connection(0, false);
    c.id = id;
    c.next_tx = next_tx;
    next_id_ = std::max(next_id_, id + 1);
    return c;
}

Transaction& Engine::load_transaction(Connection& conn, std::uint32_t id) {
    conn.transactions.push_back(std::make_unique<Transaction>(id, tree_));
    if (conn.ring) ++domain(conn.domid).transactions;
    return *conn.transactions.back();
}

void Engine::load_change(Transaction& tx, Change change) {
    Connection anyone{};
    anyone.privileged = true;
    replay_change(anyone, change, tx.tree, tx.ledger);
    tx.record(std::move(change));
}

} // namespace hospes::xs
