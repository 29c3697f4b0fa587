// SPDX-License-Identifier: MIT
// A client as the engine sees it: who it is, what it watches, its open transactions, its output.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <vector>

#include "engine/output.hpp"
#include "engine/transaction.hpp"
#include "engine/watch.hpp"

namespace hospes::xs {

struct Connection {
    std::uint32_t id;
    Domid domid;
    bool ring;                 ///< a domain's ring, as opposed to a socket of the control domain
    bool privileged;           ///< may do everything; the control domain and its sockets
    Domid target = domid_none; ///< acts with this domain's rights, too (SET_TARGET)
    Output out;
    struct Waiting {
        std::uint64_t position; ///< of an event in the stream of `out`
        std::uint64_t until;    ///< then it is dropped (engine time)
    };
    std::deque<Waiting> waiting; ///< of an unprivileged client, oldest first; some have left meanwhile
    std::vector<Watch*> watches;
    std::vector<std::unique_ptr<Transaction>> transactions;
    std::uint32_t next_tx = 1;
    bool lost_transactions = false; ///< restored after a crash: unknown ids were open before it
    bool overflowed = false;        ///< takes its events so slowly that it has to be cut off
    bool dirty = false;             ///< is in Engine::dirty()

    std::uint32_t conflicts = 0;           ///< commits refused in a row
    std::vector<ReadSet::Entry> contested; ///< what the refused ones depended on, sorted by path
    std::uint64_t guard_not_before = 0;

    void* io = nullptr; ///< the transport's own

    Transaction* find_tx(std::uint32_t tx) const {
        for (const auto& t : transactions)
            if (t->id == tx) return t.get();
        return nullptr;
    }
    bool acts_for(Domid d) const { return d == domid || (target != domid_none && d == target); }
    Access access_to(const PermSet& perms) const;
};

/// What a request is made of, as the handlers get it.
struct Request {
    Connection& conn;
    Header header;
    std::string_view payload;
    Transaction* tx = nullptr;
};

} // namespace hospes::xs
