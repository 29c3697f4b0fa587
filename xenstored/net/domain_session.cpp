// SPDX-License-Identifier: MIT
#include "net/domain_session.hpp"

#include "net/log.hpp"

namespace hospes::xs {

static constexpr unsigned turn = 8; ///< requests of one domain before others get theirs

void DomainSession::tell() {
    if (ring_.moved()) server_.gate().notify(port);
}

void DomainSession::cut_off(Ring::Fault why) {
    log::warn("domain " + std::to_string(conn->domid) + " is cut off: ring error " +
              std::to_string(static_cast<unsigned>(why)));
    ring_.set_fault(why);
    server_.engine().reset(*conn);
    server_.gate().notify(port);
}

void DomainSession::hand_out() {
    server_.engine().drop_stale_events(*conn);
    do {
        ring_.push();
        conn->out.consume(ring_.stage(conn->out.bytes()));
        ring_.push();
    } while (!conn->out.empty() && !ring_.staged() && ring_.fault() == Ring::Fault::None);
    if (!ring_.staged()) unread_ = 0;
}

void DomainSession::flush() {
    if (ring_.fault() != Ring::Fault::None) {
        conn->out.clear();
        return;
    }
    if (conn->overflowed) {
        conn->overflowed = false;
        return cut_off(Ring::Fault::Comm);
    }
    hand_out();
    if (ring_.fault() != Ring::Fault::None) cut_off(ring_.fault());
    tell();
}

bool DomainSession::run() {
    if (ring_.wants_reconnect()) {
        server_.engine().reset(*conn);
        ring_.reconnect();
    }
    if (ring_.fault() != Ring::Fault::None) {
        tell();
        return false;
    }
    bool more = false;
    for (unsigned budget = turn;; --budget) {
        hand_out();
        // Whoever does not read its replies gets no new ones: the ring's event will wake us.
        const bool full = !conn->out.empty() || !ring_.room() || unread_ >= server_.engine().quotas.outstanding;
        if (full || !ring_.fetch()) break;
        if (budget == 0) {
            more = true;
            break;
        }
        const Header h = ring_.header();
        if (log::tracing()) server_.trace(*conn, h, ring_.payload());
        if (server_.engine().handle(*conn, h, ring_.payload()) == Outcome::Deferred) {
            deferred = true;
            break;
        }
        const std::uint32_t answer = ring_.fit(conn->out.bytes());
        ring_.prepare(server_.journal_position(), conn->out.bytes().substr(0, answer));
        server_.commit();
        ring_.finish();
        conn->out.consume(answer);
        ++unread_;
    }
    if (ring_.fault() != Ring::Fault::None) cut_off(ring_.fault());
    tell();
    return more;
}

} // namespace hospes::xs
