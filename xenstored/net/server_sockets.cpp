// SPDX-License-Identifier: MIT
// The clients on the unix socket: what is ready is received, handled and answered together.
#include <cerrno>

#include <poll.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "net/log.hpp"
#include "net/server.hpp"
#include "net/socket_session.hpp"

namespace hospes::xs {

static constexpr std::uint64_t other_wish = 4; // in a tag, beside SocketSession's
static constexpr unsigned lasting = 4;         // rounds in which nothing but clients had something to do
static constexpr std::chrono::milliseconds accept_pause{100};

bool Server::open_sockets() {
    int fd = -1;
    if (options_.io_uring && uring_.open()) {
        fd = uring_.fd();
    } else if ((fd = ::epoll_create1(EPOLL_CLOEXEC)) < 0) {
        log::warn(std::string("cannot wait for clients: ") + std::strerror(errno));
        return false;
    }
    poll_.assign(fd);
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
            full_ = false;
        }
        const int why = errno;
        submit();
        if (why == EMFILE || why == ENFILE || why == ENOMEM || why == ENOBUFS)
            pause_accept(why);
        else
            accept();
    });
}

/// Whoever waits keeps the listening socket readable: trying again at once would do nothing else. Clients that go end
/// the pause, bury().
void Server::pause_accept(int error) {
    if (!full_) log::warn(std::string("cannot take another client, trying on: ") + std::strerror(error));
    full_ = accept_paused_ = true;
    accept_timer_.expires_after(accept_pause);
    accept_timer_.async_wait([this](const auto& aborted) {
        if (aborted || !accept_paused_) return;
        accept_paused_ = false;
        accept();
    });
}

void Server::wait_sockets() {
    asio_waits_ = true;
    poll_.async_wait(boost::asio::posix::stream_descriptor::wait_read, [this](const auto& error) {
        if (error) return; // on_sockets() took the ring away
        asio_waits_ = false;
        on_sockets();
        if (!asio_waits_) wait_sockets();
    });
}

void Server::on_sockets() {
    if (!uring_.is_open()) return poll_sockets();
    serving_ = true;
    unsigned rounds = 0;
    do {
        // Asio's epoll set would be told of each result; it pays to take the ring out of it if this lasts.
        if (++rounds == lasting) poll_.release();
        draining_ = true; // whoever is closed meanwhile is still there
        reap();
        drain();
    } while (linger());
    serving_ = false;
    submit();
    if (rounds < lasting) return;
    poll_.assign(uring_.fd());
    wait_sockets();
}

/// Takes what the kernel has done.
void Server::reap() {
    uring_.take([this](std::uint64_t tag, long result) {
        const std::uint64_t wish = tag & SocketSession::wish_mask;
        if (wish == other_wish) {
            others_[tag / (SocketSession::wish_mask + 1)].asked = false;
            other_ready_ = true;
        } else {
            reinterpret_cast<SocketSession*>(tag - wish)->done(static_cast<SocketSession::Wish>(wish), result);
        }
    });
}

/// Gives the kernel what it is to do.
void Server::submit() {
    if (!uring_.is_open() || uring_.added() == 0) return;
    uring_.enter(std::exchange(sends_, 0));
    const bool inner = std::exchange(draining_, true);
    reap();
    draining_ = inner;
    if (!inner) settle();
}

/// While nothing but clients has something to do, waiting for them here sends the last answers and takes the next
/// requests in one entry; Asio would need several more. False: Asio's turn.
bool Server::linger() {
    const bool due = std::exchange(other_ready_, false) || posted_ != 0 || drain_posted_ || !queue_.empty();
    if (!options_.linger || due || accept_paused_ || engine_.deadline() != UINT64_MAX) return false;
    for (std::size_t i = 0; i < others_.size(); ++i)
        if (Other& o = others_[i]; !o.asked)
            o.asked = uring_.poll(o.fd, POLLIN, i * (SocketSession::wish_mask + 1) + other_wish);
    return uring_.enter(std::exchange(sends_, 0) + 1) == 0;
}

/// Afterwards the kernel has nothing to do for any client, nor any of its buffers.
void Server::quiesce() {
    if (!uring_.is_open()) return;
    for (const auto& s : sockets_)
        s->cancel(uring_);
    for (std::size_t i = 0; i < others_.size(); ++i)
        if (others_[i].asked) uring_.cancel(i * (SocketSession::wish_mask + 1) + other_wish);
    sends_ = 0;
    draining_ = true;
    for (int error = 0; uring_.outstanding() != 0 && (!error || error == EINTR);) {
        error = uring_.enter(1);
        reap();
    }
    draining_ = false;
    settle();
}

void Server::poll_sockets() {
    // Where many are ready, more will be by the time that they are done; then others (rings, timers) have their turn.
    constexpr int many = 64;
    for (int rounds = 0; rounds < 4; ++rounds) {
        epoll_event events[many];
        const int n = ::epoll_wait(poll_.native_handle(), events, many, 0);
        if (n > 0) serve({events, static_cast<std::size_t>(n)});
        if (n < 2) return;
    }
}

void Server::serve(std::span<epoll_event> events) {
    draining_ = true; // whoever is closed meanwhile is still there
    for (const epoll_event& event : events) {
        SocketSession& s = *static_cast<SocketSession*>(event.data.ptr);
        if (s.waits_to_send()) s.flush();
        if (s.closed) continue;
        if (const SocketSession::Room room = s.room(); room.bytes != 0) {
            const ssize_t n = ::recv(s.fd(), room.at, room.bytes, MSG_DONTWAIT);
            s.received(n < 0 ? -errno : n);
        } else if (event.events & (EPOLLHUP | EPOLLERR)) {
            s.hung_up();
        }
    }
    drain();
}

} // namespace hospes::xs
