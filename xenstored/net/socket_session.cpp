// SPDX-License-Identifier: MIT
#include "net/socket_session.hpp"

#include <cerrno>

#include <poll.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "net/log.hpp"

namespace hospes::xs {

static constexpr std::uint32_t in_set = 1U << 29; // none of epoll's events

SocketSession::SocketSession(Server& server, Connection& connection, int fd)
    : Session(connection), server_(server), fd_(fd), buffer_(new char[buffer_size]) {}

SocketSession::~SocketSession() { ::close(fd_); }

void SocketSession::preload(std::string_view input) {
    const std::size_t n = std::min(input.size(), buffer_size);
    std::memcpy(buffer_.get(), input.data(), n);
    have_ = n;
}

/// Whoever has requests waiting here, or much unsent, is not read: its own socket buffer then stops it.
void SocketSession::watch() {
    if (closed) return;
    const bool read = !deferred && !queued && conn->out.size() <= backlog_pause;
    if (Uring* const ring = server_.uring()) {
        if (!ask(*ring, read)) fail();
        return;
    }
    const std::uint32_t wanted = (read ? EPOLLIN : 0U) | (writing_ ? EPOLLOUT : 0U);
    if ((wanted | in_set) == watched_ || (hung_up_ && !read)) return;
    if (!server_.poll_set(watched_ ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, *this, wanted)) return fail();
    watched_ = wanted | in_set;
}

bool SocketSession::ask(Uring& ring, bool read) {
    if (read && !receiving_) {
        const Room r = room();
        receiving_ = ring.receive(fd_, r.at, r.bytes, tag(Wish::Receive));
        if (!receiving_) return false;
    }
    if (!writing_ || polling_) return true;
    return polling_ = ring.poll(fd_, POLLOUT, tag(Wish::Writable));
}

void SocketSession::done(Wish wish, long result) {
    (wish == Wish::Receive ? receiving_ : wish == Wish::Send ? sending_ : polling_) = false;
    if (closed) return;
    if (wish == Wish::Receive) {
        if (result == -EINVAL && server_.uring()->receive_plainly()) return watch();
        if (result != -ECANCELED) received(result);
    } else if (wish == Wish::Send ? sent(result) : writing_) {
        flush();
    } else {
        watch();
    }
}

bool SocketSession::queue_send(Uring& ring) {
    if (!may_send()) return false;
    const std::string_view bytes = conn->out.bytes();
    return sending_ = ring.send(fd_, bytes.data(), bytes.size(), tag(Wish::Send));
}

void SocketSession::cancel(Uring& ring) {
    if (receiving_) ring.cancel(tag(Wish::Receive));
    if (polling_) ring.cancel(tag(Wish::Writable));
}

/// The poll set would tell of it again and again.
void SocketSession::hung_up() {
    hung_up_ = true;
    server_.poll_set(EPOLL_CTL_DEL, *this, 0);
    watched_ = 0;
}

SocketSession::Room SocketSession::room() {
    if (closed || deferred || queued || conn->out.size() > backlog_pause) return {};
    if (at_ > 0) {
        std::memmove(buffer_.get(), buffer_.get() + at_, have_ - at_);
        have_ -= at_;
        at_ = 0;
    }
    return {buffer_.get() + have_, buffer_size - have_};
}

void SocketSession::received(long n) {
    if (closed) return;
    if (n == -EAGAIN || n == -EINTR) return watch();
    if (n <= 0) return fail();
    have_ += static_cast<std::size_t>(n);
    server_.enqueue(*this);
}

bool SocketSession::next(Header& header) const {
    if (have_ - at_ < sizeof(Header)) return false;
    header = read_header(buffer_.get() + at_);
    return header.len > payload_max || have_ - at_ >= sizeof(Header) + header.len;
}

bool SocketSession::run() {
    Header h{};
    for (unsigned budget = 64; budget > 0; --budget) {
        if (closed || !next(h)) return false;
        if (h.len > payload_max) {
            fail(); // "its connection will be immediately killed", docs/misc/xenstore.txt
            return false;
        }
        const std::string_view payload(buffer_.get() + at_ + sizeof(Header), h.len);
        if (log::tracing()) server_.trace(*conn, h, payload);
        if (server_.engine().handle(*conn, h, payload) == Outcome::Deferred) {
            deferred = true;
            return false;
        }
        at_ += sizeof(Header) + h.len;
    }
    return !closed && next(h);
}

bool SocketSession::sent(long n) {
    writing_ = false;
    if (n >= 0)
        conn->out.consume(static_cast<std::size_t>(n));
    else if (n == -EAGAIN && conn->out.size() <= backlog_limit)
        writing_ = true;
    else if (n != -EINTR)
        fail();
    return may_send();
}

void SocketSession::flush() {
    writing_ = false;
    while (may_send()) {
        const std::string_view bytes = conn->out.bytes();
        const ssize_t n = ::send(fd_, bytes.data(), bytes.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
        sent(n < 0 ? -errno : n);
    }
    watch();
}

void SocketSession::fail() {
    if (closed) return;
    closed = true;
    if (watched_) server_.poll_set(EPOLL_CTL_DEL, *this, 0);
    if (busy()) ::shutdown(fd_, SHUT_RDWR); // ends what the kernel waits for
    server_.close(*this);
}

} // namespace hospes::xs
