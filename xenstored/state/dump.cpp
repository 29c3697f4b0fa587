// SPDX-License-Identifier: MIT
#include <algorithm>

#include "state/engine_state.hpp"

namespace hospes::xs::state {

static void dump_tree(const Engine& engine, Writer& out) {
    std::string path = "/";
    std::string before;
    auto one = [&](std::string_view p, const Node& n) {
        const auto differ = std::mismatch(p.begin(), p.end(), before.begin(), before.end());
        const auto shared = static_cast<std::size_t>(differ.first - p.begin());
        out.start(Record::NextNode);
        out.number(shared);
        out.text(p.substr(shared));
        out.text(n.value());
        out.perms(n.perms);
        before = p;
    };
    walk(engine.tree().root(), path, one);
}

static void dump_domain(const Domain& d, Writer& out) {
    out.start(Record::Introduced);
    out.number(d.id);
    out.number(d.gfn);
    out.number(d.port);
    if (d.shut_down) {
        out.start(Record::ShutDown);
        out.number(d.id);
    }
    if (!d.conn) return;
    for (const Watch* w : d.conn->watches) {
        out.start(Record::Watch);
        out.number(d.id);
        out.text(w->client_path());
        out.text(w->token);
        out.number(w->depth);
    }
}

void dump_lasting(const Engine& engine, Writer& out) {
    out.start(Record::Generation);
    out.number(engine.generation());
    dump_tree(engine, out);
    for (const std::string_view path : {"@introduceDomain", "@releaseDomain"}) {
        out.start(Record::Special);
        out.text(path);
        out.perms(&engine.special_perms(path));
    }
    for (const auto& [id, d] : engine.domains())
        if (d.introduced) dump_domain(d, out);
    for (const auto& c : engine.connections())
        if (c->target != domid_none) {
            out.start(Record::Target);
            out.number(c->domid);
            out.number(c->target);
        }
}

static void dump_transaction(const Connection& c, const Transaction& tx, bool doomed, Writer& out) {
    out.start(Record::Transaction);
    out.number(c.ring ? c.domid + 1U : 0);
    out.number(c.id);
    out.number(tx.id);
    out.number(doomed);
    for (const ReadSet::Entry& e : tx.reads.entries()) {
        out.start(Record::Depends);
        out.text(e.path);
        out.number(e.aspects);
    }
    for (const Change& ch : tx.changes) {
        out.start(Record::Change);
        out.number(static_cast<unsigned>(ch.kind));
        out.text(ch.path);
        out.text(ch.value);
        out.perms(ch.perms.get());
    }
}

void dump_transient(Engine& engine, Writer& out) {
    for (const QuotaName& q : quota_names) {
        out.start(Record::Quota);
        out.text(q.name);
        out.number(engine.quotas.*q.member);
    }
    for (const auto& c : engine.connections())
        for (const auto& tx : c->transactions)
            dump_transaction(*c, *tx, tx->doomed || !still_valid(*tx, engine.tree()), out);
}

} // namespace hospes::xs::state
