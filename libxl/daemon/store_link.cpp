// SPDX-License-Identifier: MIT
#include "libxl/daemon/store_link.hpp"

#include <chrono>

#include <fcntl.h>

#include "libxl/daemon/log.hpp"

namespace hospes::xl::daemon {

StoreLink::~StoreLink() {
    if (readable_.is_open()) readable_.release(); // the client closes it
}

Status StoreLink::open() {
    HOSPES_TRY(connect());
    take_events();
    return {};
}

Status StoreLink::connect() {
    client_.emplace(HOSPES_TRY(xs::Client::connect(path_)));
    if (Status watched = hooks_.connected(*client_); !watched) {
        client_.reset();
        return watched;
    }
    // From now on the socket and nothing else: while the daemon is being replaced there is none, and then a client
    // would take the kernel's way, which does not tell when the store goes away.
    if (path_.empty() && !client_->is_device()) path_ = xs::Client::socket_path();
    readable_.assign(client_->fd());
    return {};
}

void StoreLink::lose(const std::string& why) {
    log::warn("the store is lost (" + why + "); waiting for it");
    if (readable_.is_open()) readable_.release();
    client_.reset();
    try_again();
}

void StoreLink::try_again() {
    retry_.expires_after(std::chrono::milliseconds(200));
    retry_.async_wait([this](const auto& e) {
        if (e) return;
        if (!connect()) return try_again();
        log::info("the store is back");
        hooks_.back();
        take_events();
    });
}

void StoreLink::take_events() {
    // An answer to a request may have brought events along, which the descriptor does not tell of any more.
    for (;;) {
        std::vector<xs::WatchEvent> events;
        for (;;) {
            auto event = client_->next_event(0);
            if (!event) return lose(event.problem().text());
            if (!*event) break;
            events.push_back(std::move(**event));
        }
        if (events.empty()) break;
        hooks_.events(events);
    }
    readable_.async_wait(boost::asio::posix::stream_descriptor::wait_read, [this](const auto& e) {
        if (!e) take_events();
    });
    // Waiting made the descriptor non-blocking, once; the client's requests are meant to block.
    const int fd = client_->fd();
    ::fcntl(fd, F_SETFL, ::fcntl(fd, F_GETFL) & ~O_NONBLOCK);
}

} // namespace hospes::xl::daemon
