// SPDX-License-Identifier: MIT
// The clients on the unix socket: what is ready is received, handled and answered together.
#include <cerrno>

#include <sys/epoll.h>
#include <sys/socket.h>

#include "net/log.hpp"
#include "net/server.hpp"
#include "net/socket_session.hpp"

namespace hospes::xs {

bool Server::open_sockets() {
    const int set = ::epoll_create1(EPOLL_CLOEXEC);
    if (set < 0) {
        log::warn(std::string("cannot wait for clients: ") + std::strerror(errno));
        return false;
    }
    poll_.assign(set);
    batch_.open();
    wait_sockets();
    return true;
}

bool Server::poll_set(int operation, SocketSession& session, std::uint32_t events) {
    epoll_event e{};
    e.events = events;
    e.data.ptr = &session;
    return ::epoll_ctl(poll_.native_handle(), operation, session.fd(), &e) == 0;
}

void Server::accept() {
    boost::system::error_code ignored;
    acceptor_.native_non_blocking(true, ignored);
    acceptor_.async_wait(boost::asio::socket_base::wait_read, [this](const auto& error) {
        if (error == boost::asio::error::operation_aborted) return;
        for (int fd; (fd = ::accept4(acceptor_.native_handle(), nullptr, nullptr, SOCK_CLOEXEC)) >= 0;) {
            auto s = std::make_shared<SocketSession>(*this, engine_.connect_socket(), fd);
            sockets_.insert(s);
            s->watch();
        }
        accept();
    });
}

void Server::wait_sockets() {
    poll_.async_wait(boost::asio::posix::stream_descriptor::wait_read, [this](const auto& error) {
        if (error) return;
        on_sockets();
        wait_sockets();
    });
}

void Server::on_sockets() {
    // Where many are ready, more will be by the time that they are done; then others (rings, timers) have their turn.
    for (int rounds = 0; rounds < 4; ++rounds) {
        epoll_event events[Batch::limit];
        const int n = ::epoll_wait(poll_.native_handle(), events, Batch::limit, 0);
        if (n > 0) serve({events, static_cast<std::size_t>(n)});
        if (n < 2) return;
    }
}

void Server::serve(std::span<epoll_event> events) {
    SocketSession* readable[Batch::limit];
    unsigned count = 0;
    draining_ = true; // whoever is closed meanwhile is still there
    for (const epoll_event& event : events) {
        SocketSession& s = *static_cast<SocketSession*>(event.data.ptr);
        if (s.waits_to_send()) s.flush();
        if (s.closed) continue;
        if (s.room().bytes != 0)
            readable[count++] = &s;
        else if (event.events & (EPOLLHUP | EPOLLERR))
            s.hung_up();
    }
    receive({readable, count});
    drain();
}

void Server::receive(std::span<SocketSession*> ready) {
    if (ready.size() > 1 && batch_.is_open()) {
        for (SocketSession* s : ready) {
            const SocketSession::Room room = s->room();
            batch_.receive(s->fd(), room.at, room.bytes);
        }
        if (batch_.run()) {
            for (unsigned i = 0; i < ready.size(); ++i)
                ready[i]->received(batch_.result(i));
            return;
        }
    }
    for (SocketSession* s : ready) {
        const SocketSession::Room room = s->room();
        const ssize_t n = ::recv(s->fd(), room.at, room.bytes, MSG_DONTWAIT);
        s->received(n < 0 ? -errno : n);
    }
}

void Server::send(std::span<SocketSession*> ready) {
    if (ready.size() > 1 && batch_.is_open()) {
        for (SocketSession* s : ready) {
            const std::string_view bytes = s->conn->out.bytes();
            batch_.send(s->fd(), bytes.data(), bytes.size());
        }
        if (batch_.run()) {
            for (unsigned i = 0; i < ready.size(); ++i)
                if (ready[i]->sent(batch_.result(i)))
                    ready[i]->flush();
                else
                    ready[i]->watch();
            return;
        }
    }
    for (SocketSession* s : ready)
        s->flush();
}

} // namespace hospes::xs
