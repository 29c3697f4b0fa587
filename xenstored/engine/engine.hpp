// SPDX-License-Identifier: MIT
// The store's request engine: a state machine without I/O. The transport hands in complete messages
// and finds the answers (and the events that others got) in Connection::out of the connections that
// dirty() lists. One thread, no locks, no clock: the transport sets the time.
// Semantics: Xen docs/misc/xenstore.txt; error values as the C daemon of Xen 4.17 gives them.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "engine/conflict.hpp"
#include "engine/connection.hpp"
#include "engine/journal.hpp"
#include "engine/quota.hpp"

namespace hospes::xs {

struct ControlReply {
    int error = 0;
    std::string text = "OK";
    bool pending = false; ///< the daemon answers later through Engine::answer_control()
};

/// What the engine asks of the daemon around it.
class Host {
  public:
    virtual ~Host() = default;
    /// Connects the ring of a domain (again, if it is known); an errno value.
    virtual int introduce(Domid domid, std::uint64_t gfn, std::uint32_t port) = 0;
    virtual void release(Domid domid) = 0;
    /// CONTROL commands that are not the engine's own.
    virtual ControlReply control(Connection& conn, const Header& header,
                                 const std::vector<std::string_view>& words) = 0;
    virtual std::string control_help() const { return {}; }
    virtual void warn(const std::string& text) = 0;
};

/// Everything known about a domain; entries also exist for owners of nodes that have no ring (yet).
struct Domain {
    Domid id = 0;
    bool introduced = false;
    bool shut_down = false; ///< told so by @releaseDomain already
    std::uint64_t gfn = 0;
    std::uint32_t port = 0;
    Connection* conn = nullptr;
    std::int64_t nodes = 0;
    std::int64_t bytes = 0;
    std::uint32_t watches = 0;
    std::uint32_t transactions = 0;
    std::uint64_t side_bytes = 0;  ///< watches
    bool over_soft_memory = false; ///< that has been logged
};

enum class Outcome { Done, Deferred };

class Engine {
  public:
    explicit Engine(Host& host);
    ~Engine();

    // --- connections
    Connection& connect_socket();
    void disconnect(Connection& conn);
    Connection* domain_connection(Domid domid);
    /// A guest asked for a fresh start over its ring: drops its output, watches and transactions.
    void reset(Connection& conn);

    // --- requests
    /// Takes one message whose length has been checked. Deferred: not done yet, hand it in again
    /// once resumable() says so.
    Outcome handle(Connection& conn, const Header& header, std::string_view payload);
    void answer_control(Connection& conn, const Header& header, const ControlReply& reply);
    std::vector<Connection*>& dirty() { return dirty_; }
    void set_now(std::uint64_t ms) { now_ = ms; }
    /// Drops the events that a client has not taken in time (Quotas::watch_event_seconds). The transport calls it
    /// before it hands anything out.
    void drop_stale_events(Connection& conn);
    std::uint64_t deadline() const { return guard_.deadline(); }
    /// True once after waiting requests may go on.
    bool resumable();

    // --- domains
    struct Liveness {
        bool exists;
        bool shut_down; ///< shut down or crashed, still there
    };
    /// What the hypervisor says about a domain after VIRQ_DOM_EXC. True if that was news.
    bool domain_status(Domid domid, Liveness now);
    std::vector<Domid> introduced() const;
    /// Makes the control domain's own ring known. Fires nothing.
    Connection& adopt_domain(Domid domid, std::uint64_t gfn, std::uint32_t port);

    // --- state, for persistence and reports
    Quotas quotas;
    Quotas quota_peak; ///< largest use seen, for CONTROL quota max
    bool keep_orphans = false;
    void set_journal(Journal* journal) { journal_ = journal; }
    const Tree& tree() const { return tree_; }
    PermTable& perm_table() { return perms_; }
    const PermSet& special_perms(std::string_view path) const;
    const std::unordered_map<Domid, Domain>& domains() const { return domains_; }
    const std::vector<std::unique_ptr<Connection>>& connections() const { return connections_; }
    std::uint64_t generation() const { return generation_; }
    std::uint64_t memory_of(const Domain& d) const;
    std::string memory_report() const;

    // --- restoring state: no permission check, no event, no journal
    void load_node(std::string_view path, std::string_view value, PermRef perms);
    void load_removed(std::string_view path);
    void load_special(std::string_view path, PermRef perms);
    Watch* load_watch(Connection& conn, std::string_view client_path, std::string_view token, std::uint32_t depth);
    bool load_unwatch(Connection& conn, std::string_view client_path, std::string_view token);
    void load_released(Domid domid);
    bool load_shut_down(Domid domid);
    /// Takes the nodes out that a new engine starts with.
    void load_empty(std::uint64_t generation);
    Connection& load_socket(std::uint32_t id, std::uint32_t next_tx);
    Transaction& load_transaction(Connection& conn, std::uint32_t id);
    /// Repeats one change inside a restored transaction.
    void load_change(Transaction& tx, Change change);
    /// Queues every watch's event once: whoever was not told of a change before a crash is now.
    void fire_all(Connection& conn);

  private:
    using Handler = int (Engine::*)(Request&);
    struct Operation {
        Handler handler;
        bool privileged; ///< for the control domain only
        bool transacted; ///< the header's tx_id counts
    };
    static const Operation* operation(std::uint32_t type);

    struct Found {
        int error;
        const Node* node;
        std::string_view path;
    };

    // request.cpp
    Found lookup(Request& r, std::string_view raw, Access need, std::uint8_t aspects);
    int canonical(const Connection& conn, std::string_view raw, Special special, std::string_view& out);
    bool may(const Connection& conn, const PermSet& perms, Access need) const;
    const Tree& view(const Request& r) const { return r.tx ? r.tx->tree : tree_; }
    int depend(Request& r, std::string_view path, std::uint8_t aspects);
    int reply(Request& r, std::string_view payload = std::string_view("OK\0", 3));
    void fail(Connection& conn, const Header& header, int error);
    void touch(Connection& conn);

    // read_ops.cpp
    int op_read(Request& r);
    int op_directory(Request& r);
    int op_directory_part(Request& r);
    // write_ops.cpp
    int op_write(Request& r);
    int op_mkdir(Request& r);
    int op_rm(Request& r);
    int create(Request& r, ChangeKind kind, std::string_view path, std::string_view value);
    int check_growth(Request& r, std::int64_t nodes, std::int64_t bytes);
    int check_size(const Connection& conn, std::size_t bytes) const;
    void note_memory(Domain& d, std::int64_t bytes);
    void apply_create(Tree& tree, Ledger& ledger, bool privileged, Domid domid, std::string_view path,
                      std::string_view value);
    void apply_write(Tree& tree, Ledger& ledger, const Node& node, std::string_view path, std::string_view value);
    NodeRef apply_remove(Tree& tree, Ledger& ledger, std::string_view path);
    void settle(Ledger& ledger);
    bool must_wait(const Request& r) const;
    // perm_ops.cpp
    int op_get_perms(Request& r);
    int op_set_perms(Request& r);
    int set_special_perms(Request& r, std::string_view path, PermRef perms);
    void apply_perms(Tree& tree, Ledger& ledger, std::string_view path, PermRef perms);
    PermRef* special(std::string_view path);
    // watch_ops.cpp
    int op_watch(Request& r);
    int op_unwatch(Request& r);
    int op_reset_watches(Request& r);
    void drop_watch(Watch& watch);
    void drop_watches(Connection& conn);
    void send_event(Watch& watch, std::string_view path);
    void fire(std::string_view path, const Node* old, const PermSet* old_perms);
    void fire_removed(std::string_view path, const Node& removed);
    void fire_special(std::string_view path);
    // transaction_ops (write_ops.cpp's sibling)
    int op_transaction_start(Request& r);
    int op_transaction_end(Request& r);
    int commit(Request& r, Transaction& tx);
    int replay(const Connection& conn, Transaction& tx, Tree& onto, Ledger& ledger);
    int replay_change(const Connection& conn, const Change& c, Tree& onto, Ledger& ledger);
    void announce(const Transaction& tx, const Tree& before);
    void drop_transaction(Connection& conn, Transaction& tx);
    void drop_transactions(Connection& conn);
    // domain_ops.cpp
    int op_introduce(Request& r);
    int op_release(Request& r);
    int op_resume(Request& r);
    int op_set_target(Request& r);
    int op_is_introduced(Request& r);
    int op_domain_path(Request& r);
    Domain& domain(Domid domid);
    Domain* find_domain(Domid domid);
    void forget_domain(Domain& d);
    void retire(Domain& d);
    void remove_orphans(Domid domid);
    // control.cpp
    int op_control(Request& r);
    ControlReply run_control(Request& r, const std::vector<std::string_view>& words);
    ControlReply control_quota(const std::vector<std::string_view>& words);
    ControlReply control_soft_quota(const std::vector<std::string_view>& words);
    std::string check_report() const;

    Connection& add_connection(Domid domid, bool ring);

    Host& host_;
    Journal* journal_ = nullptr;
    PermTable perms_;
    Tree tree_;
    PermRef introduce_perms_;
    PermRef release_perms_;
    std::uint64_t generation_ = 1;
    std::uint64_t now_ = 0;
    std::uint32_t next_id_ = 1;
    WatchTrie watches_;
    Guard guard_;
    bool resumable_ = false;
    std::unordered_map<Domid, Domain> domains_;
    std::vector<std::unique_ptr<Connection>> connections_;
    std::vector<Connection*> dirty_;
    Ledger ledger_;       ///< scratch of the request at hand
    std::string scratch_; ///< a relative path made absolute
};

} // namespace hospes::xs
