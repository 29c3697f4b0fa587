// SPDX-License-Identifier: MIT
#include "net/server.hpp"

#include <chrono>
#include <ctime>

#include <sys/stat.h>
#include <unistd.h>

#include <boost/asio/post.hpp>

#include "net/domain_session.hpp"
#include "net/log.hpp"
#include "net/socket_session.hpp"

namespace hospes::xs {

namespace asio = boost::asio;

static std::uint64_t now_ms() {
    timespec t{}; // the kernel's last tick will do, and costs no reading of a clock
    ::clock_gettime(CLOCK_MONOTONIC_COARSE, &t);
    return static_cast<std::uint64_t>(t.tv_sec) * 1000 + static_cast<std::uint64_t>(t.tv_nsec) / 1'000'000;
}

Server::Server(asio::io_context& io, ServerOptions options, std::unique_ptr<XenGate> gate)
    : io_(io), options_(std::move(options)), gate_(std::move(gate)), engine_(*this), acceptor_(io), accept_timer_(io),
      poll_(io), events_(io), guard_timer_(io) {}

Server::~Server() {
    engine_.set_journal(nullptr);
    if (uring_.is_open()) {
        accept_paused_ = false;
        quiesce();
        if (poll_.is_open()) poll_.release(); // the ring closes it
    }
    if (events_.is_open()) events_.release(); // the gate closes it
}

bool Server::start() {
    engine_.set_now(now_ms());
    if (!open_state() || !open_sockets() || !listen()) return false;
    if (gate_) {
        int error = 0;
        exception_port_ = gate_->bind_domain_exception(error);
        if (!exception_port_) log::warn("cannot bind VIRQ_DOM_EXC: dead domains stay unnoticed");
        wait_events();
        for (const Domid domid : engine_.introduced())
            if (domid != 0 && !attach(domid, true)) engine_.domain_status(domid, {false, false});
        if (options_.own_domain) connect_own_domain();
    }
    slots_.prune([&](Domid d) { return rings_.count(d) != 0; });
    if (state_) {
        if (const int e = state_->checkpoint(engine_)) {
            log::warn(std::string("no crash recovery: cannot write state: ") + std::strerror(e));
            state_.reset();
        } else {
            engine_.set_journal(state_.get());
        }
    }
    flush_dirty();
    return true;
}

bool Server::open_state() {
    std::string rings;
    if (!options_.state_dir.empty()) {
        ::mkdir(options_.state_dir.c_str(), 0700);
        rings = options_.state_dir + "/rings";
        state_ = std::make_unique<state::StateFile>(options_.state_dir + "/journal");
        std::string why;
        if (state_->recover(engine_, committed_, why))
            log::info("took up the state of an earlier process" + (why.empty() ? "" : ": " + why));
        else if (!why.empty())
            log::warn("ignoring what is in " + options_.state_dir + ": " + why);
    }
    const int error = slots_.open(rings);
    if (error) log::warn("cannot open " + rings + ": " + std::strerror(error));
    return error == 0;
}

bool Server::listen() {
    using Endpoint = asio::local::stream_protocol::endpoint;
    boost::system::error_code error;
    ::unlink(options_.socket_path.c_str());
    acceptor_.open(asio::local::stream_protocol(), error);
    const mode_t before = ::umask(0177);
    if (!error) acceptor_.bind(Endpoint(options_.socket_path), error);
    ::umask(before);
    if (!error) acceptor_.listen(128, error);
    if (error) {
        log::warn("cannot listen on " + options_.socket_path + ": " + error.message());
        return false;
    }
    also_wait_for(acceptor_.native_handle());
    accept();
    return true;
}

void Server::dispatch(Session& session) {
    enqueue(session);
    if (!draining_ && !drain_posted_) drain();
}

void Server::enqueue(Session& session) {
    if (session.queued || session.deferred) return;
    session.queued = true;
    queue_.push_back(&session);
}

void Server::drain() {
    draining_ = true;
    drain_posted_ = false;
    engine_.set_now(now_ms());
    for (unsigned turns = 0; !queue_.empty() && turns < 64; ++turns) {
        Session* s = queue_.front();
        queue_.pop_front();
        const bool more = s->run();
        s->queued = false;
        if (s->deferred) {
            deferred_.push_back(s);
            arm_guard_timer();
        } else if (more) {
            s->queued = true;
            queue_.push_back(s);
        }
        s->watch();
        if (engine_.resumable()) requeue_deferred();
    }
    commit();
    flush_dirty();
    draining_ = false;
    settle();
}

/// Clients may have gone, and that may let others go on.
void Server::settle() {
    bury();
    if (engine_.resumable()) requeue_deferred();
    if (!queue_.empty()) post_drain(); // new input comes in before that
}

void Server::post_drain() {
    if (std::exchange(drain_posted_, true)) return;
    asio::post(io_, [this] {
        if (uring_.is_open())
            on_sockets(); // a client that is quick enough would otherwise never let us come there
        else
            drain();
    });
}

void Server::post(std::function<void()> task) {
    ++posted_;
    asio::post(io_, [this, task = std::move(task)] {
        --posted_;
        task();
    });
}

void Server::requeue_deferred() {
    for (Session* s : std::exchange(deferred_, {})) {
        s->deferred = false;
        s->queued = true;
        queue_.push_back(s);
    }
}

void Server::arm_guard_timer() {
    const std::uint64_t deadline = engine_.deadline();
    if (deadline == UINT64_MAX) return;
    const std::uint64_t now = now_ms();
    guard_timer_.expires_after(std::chrono::milliseconds(deadline > now ? deadline - now : 1));
    guard_timer_.async_wait([this](const auto& error) {
        if (error) return;
        engine_.set_now(now_ms());
        if (engine_.resumable()) requeue_deferred();
        if (!deferred_.empty()) arm_guard_timer();
        drain();
    });
}

void Server::commit() {
    if (!state_) return;
    if (!state_->commit()) {
        log::warn("no space for the journal: a crash would lose the store from here on");
        engine_.set_journal(nullptr);
        state_.reset();
    } else if (state_->grown()) {
        state_->rewrite(engine_);
        post([this] { rewrite_some(); });
    }
}

/// A piece of the journal's rewrite between the clients' turns: all at once would stall them for a second with a
/// million nodes.
void Server::rewrite_some() {
    if (!state_ || !state_->rewriting()) return;
    if (const int e = state_->step(std::size_t{256} << 10))
        log::warn(std::string("cannot rewrite the journal, it goes on growing: ") + std::strerror(e));
    else if (state_->rewriting())
        post([this] { rewrite_some(); });
}

void Server::flush_dirty() {
    auto& dirty = engine_.dirty();
    // A flush can cut a domain off, which queues nothing but may end entries of this list.
    while (!dirty.empty()) {
        Connection* c = dirty.back();
        dirty.pop_back();
        c->dirty = false;
        if (!c->io) continue;
        Session& session = *static_cast<Session*>(c->io);
        SocketSession* const s = uring_.is_open() ? session.socket() : nullptr;
        if (s && s->queue_send(uring_))
            ++sends_; // nothing may touch what is sent until the ring is entered
        else
            session.flush();
    }
    if (!serving_) submit();
}

void Server::close(SocketSession& session) {
    const auto self = session.shared_from_this();
    engine_.disconnect(*session.conn);
    sockets_.erase(self);
    std::erase(queue_, &session);
    std::erase(deferred_, &session);
    dead_.push_back(self);
    if (!draining_) settle();
}

void Server::bury() {
    if (std::erase_if(dead_, [](const auto& s) { return !s->busy(); }) == 0 || !accept_paused_) return;
    accept_paused_ = false;
    accept_timer_.cancel();
    accept();
}

void Server::trace(const Connection& conn, const Header& header, std::string_view payload) const {
    std::string line = "IN " + std::to_string(conn.id) + " (d" + std::to_string(conn.domid) + ") ";
    line += type_name(header.type);
    line += " tx=" + std::to_string(header.tx_id) + " (";
    for (const char c : payload.substr(0, 256))
        line += c == '\0' ? ' ' : (c < ' ' || c > '~') ? '?' : c;
    log::trace(line + ")");
}

} // namespace hospes::xs
