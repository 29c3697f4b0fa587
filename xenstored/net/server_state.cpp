// SPDX-License-Identifier: MIT
// Live update: the transport's part of the stream.
#include <fcntl.h>

#include "net/domain_session.hpp"
#include "net/log.hpp"
#include "net/server.hpp"
#include "net/socket_session.hpp"

namespace hospes::xs {

using state::Reader;
using state::Record;
using state::Writer;

static void dump_socket(SocketSession& s, Writer& out) {
    const Connection& c = *s.conn;
    out.start(Record::Socket);
    out.number(c.id);
    out.number(static_cast<std::uint64_t>(s.fd()));
    out.number(c.next_tx);
    out.text(s.unread());
    out.text(c.out.bytes());
    for (const Watch* w : c.watches) {
        out.start(Record::SocketWatch);
        out.number(c.id);
        out.text(w->client_path());
        out.text(w->token);
        out.number(w->depth);
    }
}

std::string Server::save(std::vector<int>& keep) {
    quiesce();
    const auto carried = [&](int fd) {
        if (fd >= 0) keep.push_back(fd);
        return static_cast<std::uint64_t>(fd) + 1;
    };
    Writer out;
    state::dump_lasting(engine_, out);
    out.start(Record::Global);
    out.number(carried(acceptor_.native_handle()));
    out.number(carried(gate_ ? gate_->event_fd() : -1));
    out.number(exception_port_);
    out.number(carried(slots_.fd()));
    for (const auto& s : sockets_) {
        keep.push_back(s->fd());
        dump_socket(*s, out);
    }
    for (const auto& [domid, s] : rings_) {
        out.start(Record::DomainPort);
        out.number(domid);
        out.number(s->port);
        out.start(Record::DomainOutput);
        out.number(domid);
        out.number(s->conn->next_tx);
        out.text(s->conn->out.bytes());
    }
    state::dump_transient(engine_, out);
    out.start(Record::Pending);
    out.number(pending_control.connection);
    out.number(pending_control.header.req_id);
    out.number(pending_control.header.tx_id);
    return std::move(out.bytes);
}

bool Server::load_socket(Reader& in) {
    const std::uint32_t id = in.number32();
    const int fd = static_cast<int>(in.number32());
    const std::uint32_t next_tx = in.number32();
    const std::string_view unread = in.text();
    const std::string_view unsent = in.text();
    if (in.bad()) return false;
    if (::fcntl(fd, F_SETFD, FD_CLOEXEC) != 0) return false;
    Connection& c = engine_.load_socket(id, next_tx);
    c.out.append(unsent);
    auto s = std::make_shared<SocketSession>(*this, c, fd);
    s->preload(unread);
    sockets_.insert(s);
    return true;
}

bool Server::load(Record type, Reader& in) {
    switch (type) {
    case Record::Global: {
        const int listener = static_cast<int>(in.number32()) - 1;
        in.number32(); // the gate has it already
        exception_port_ = in.number32();
        const int slots = static_cast<int>(in.number32()) - 1;
        if (in.bad() || slots_.adopt(slots) != 0) return false;
        boost::system::error_code error;
        acceptor_.assign(boost::asio::local::stream_protocol(), listener, error);
        return !error;
    }
    case Record::Socket: return load_socket(in);
    case Record::SocketWatch: {
        const std::uint32_t id = in.number32();
        const std::string_view path = in.text();
        const std::string_view token = in.text();
        const std::uint32_t depth = in.number32();
        for (const auto& c : engine_.connections())
            if (!c->ring && c->id == id && !in.bad()) return engine_.load_watch(*c, path, token, depth) != nullptr;
        return false;
    }
    case Record::DomainPort: {
        const Domid domid = in.domid();
        inherited_ports_[domid] = in.number32();
        return !in.bad();
    }
    case Record::DomainOutput: {
        Connection* c = engine_.domain_connection(in.domid());
        const std::uint32_t next_tx = in.number32();
        const std::string_view unsent = in.text();
        if (!c || in.bad()) return false;
        c->next_tx = next_tx;
        c->out.append(unsent);
        return true;
    }
    case Record::Pending:
        pending_control.connection = in.number32();
        pending_control.header.type = XS_CONTROL;
        pending_control.header.req_id = in.number32();
        pending_control.header.tx_id = in.number32();
        return !in.bad();
    default: return false;
    }
}

bool Server::resume(std::string_view stream) {
    if (!state::load(engine_, stream, this)) {
        log::warn("the live-update stream makes no sense");
        return false;
    }
    if (!open_sockets()) return false;
    also_wait_for(acceptor_.native_handle());
    accept();
    if (gate_) {
        wait_events();
        for (const Domid domid : engine_.introduced()) {
            if (domid == 0) {
                std::uint32_t remote = 0;
                int error = 0;
                std::unique_ptr<RingPage> page = gate_->map_own_ring(remote, error);
                if (page) link(0, std::move(page), inherited_ports_[0], true);
            } else if (!attach(domid, false)) {
                engine_.domain_status(domid, {false, false});
            }
        }
        check_domains(); // an exception may have come between the programs
    }
    if (!options_.state_dir.empty()) {
        state_ = std::make_unique<state::StateFile>(options_.state_dir + "/journal");
        if (state_->checkpoint(engine_) == 0)
            engine_.set_journal(state_.get());
        else
            state_.reset();
    }
    for (const auto& s : std::set(sockets_))
        dispatch(*s);
    for (const auto& s : std::set(sockets_))
        if (!s->closed) s->flush();
    answer_pending({});
    return true;
}

} // namespace hospes::xs
