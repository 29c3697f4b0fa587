// SPDX-License-Identifier: MIT
#include <algorithm>
#include <cstdint>
#include <utility>

#include "state/engine_state.hpp"

namespace hospes::xs::state {

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

LastingDump::LastingDump(const Engine& engine) : walk_(engine.tree()) {
    Writer first;
    first.start(Record::Generation);
    first.number(engine.generation());
    first_ = std::move(first.bytes);
    Writer last;
    for (const std::string_view path : {"@introduceDomain", "@releaseDomain"}) {
        last.start(Record::Special);
        last.text(path);
        last.perms(&engine.special_perms(path));
    }
    for (const auto& [id, d] : engine.domains())
        if (d.introduced) dump_domain(d, last);
    for (const auto& c : engine.connections())
        if (c->target != domid_none) {
            last.start(Record::Target);
            last.number(c->domid);
            last.number(c->target);
        }
    last_ = std::move(last.bytes);
}

bool LastingDump::write(Writer& out, std::size_t bytes) {
    out.bytes += std::exchange(first_, {});
    while (out.bytes.size() < bytes) {
        const Node* const n = walk_.next();
        if (!n) {
            out.bytes += last_;
            return false;
        }
        const std::string_view path = walk_.path();
        const auto differ = std::mismatch(path.begin(), path.end(), before_.begin(), before_.end());
        const auto shared = static_cast<std::size_t>(differ.first - path.begin());
        out.start(Record::NextNode);
        out.number(shared);
        out.text(path.substr(shared));
        out.text(n->value());
        out.perms(n->perms);
        before_ = path;
    }
    return true;
}

void dump_lasting(const Engine& engine, Writer& out) { LastingDump(engine).write(out, SIZE_MAX); }

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
