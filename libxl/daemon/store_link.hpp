// SPDX-License-Identifier: MIT
// A daemon's connection to the store: tells of watch events, and is made anew when the store was gone.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>

#include "client/client.hpp"

namespace hospes::xl::daemon {

class StoreLink {
  public:
    struct Hooks {
        /// Sets the watches; called for each new connection.
        std::function<Status(xs::Client&)> connected;
        /// What came together.
        std::function<void(const std::vector<xs::WatchEvent>&)> events;
        /// The store was away and is there again; the watches are set.
        std::function<void()> back;
    };
    /// `path` empty: as clients find it.
    StoreLink(boost::asio::io_context& io, std::string path, Hooks hooks)
        : path_(std::move(path)), hooks_(std::move(hooks)), readable_(io), retry_(io) {}
    ~StoreLink();
    StoreLink(const StoreLink&) = delete;
    StoreLink& operator=(const StoreLink&) = delete;

    /// The first connection has to succeed.
    Status open();
    /// Null while the store is away.
    [[nodiscard]] xs::Client* client() { return client_ ? &*client_ : nullptr; }

  private:
    Status connect();
    void lose(const std::string& why);
    void try_again();
    void take_events();

    std::string path_;
    Hooks hooks_;
    std::optional<xs::Client> client_;
    boost::asio::posix::stream_descriptor readable_;
    boost::asio::steady_timer retry_;
};

} // namespace hospes::xl::daemon
