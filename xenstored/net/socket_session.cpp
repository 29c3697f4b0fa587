// SPDX-License-Identifier: MIT
#include "net/socket_session.hpp"

#include <sys/socket.h>

#include "net/log.hpp"

namespace hospes::xs {

namespace asio = boost::asio;

SocketSession::SocketSession(Server& server, Connection& connection, Socket socket)
    : Session(connection), server_(server), socket_(std::move(socket)), buffer_(new char[buffer_size]) {}

void SocketSession::preload(std::string_view input) {
    const std::size_t n = std::min(input.size(), buffer_size);
    std::memcpy(buffer_.get(), input.data(), n);
    have_ = n;
}

void SocketSession::read() {
    if (closed || reading_ || deferred || queued) return;
    if (conn->out.size() > backlog_pause) return; // flush() calls again when the client has read
    if (at_ > 0) {
        std::memmove(buffer_.get(), buffer_.get() + at_, have_ - at_);
        have_ -= at_;
        at_ = 0;
    }
    reading_ = true;
    socket_.async_read_some(asio::buffer(buffer_.get() + have_, buffer_size - have_),
                            [self = shared_from_this()](const auto& error, std::size_t n) {
                                self->reading_ = false;
                                if (self->closed) return;
                                if (error) return self->fail();
                                self->have_ += n;
                                self->server_.dispatch(*self);
                                self->read();
                            });
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

void SocketSession::flush() {
    if (closed || writing_) return;
    while (!conn->out.empty()) {
        const std::string_view bytes = conn->out.bytes();
        const ssize_t n = ::send(socket_.native_handle(), bytes.data(), bytes.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
        if (n >= 0) {
            conn->out.consume(static_cast<std::size_t>(n));
            continue;
        }
        if (errno == EINTR) continue;
        if (errno != EAGAIN || bytes.size() > backlog_limit) return fail();
        writing_ = true;
        socket_.async_wait(Socket::wait_write, [self = shared_from_this()](const auto& error) {
            self->writing_ = false;
            if (self->closed) return;
            if (error) return self->fail();
            self->flush();
        });
        return;
    }
    read();
}

void SocketSession::fail() {
    if (closed) return;
    closed = true;
    server_.close(*this);
}

} // namespace hospes::xs
