// SPDX-License-Identifier: MIT
#pragma once

#include <memory>

#include "net/server.hpp"

namespace hospes::xs {

/// A client on the unix socket. Its requests are parsed where the kernel put them.
class SocketSession final : public Session, public std::enable_shared_from_this<SocketSession> {
  public:
    using Socket = boost::asio::local::stream_protocol::socket;

    SocketSession(Server& server, Connection& connection, Socket socket);
    void read();
    bool run() override;
    void flush() override;

    // Live update.
    int fd() { return socket_.native_handle(); }
    std::string_view unread() const { return {buffer_.get() + at_, have_ - at_}; }
    void preload(std::string_view input);

    bool closed = false;

  private:
    void fail();
    bool next(Header& header) const;

    static constexpr std::size_t buffer_size = 16384;     ///< several of the largest messages
    static constexpr std::size_t backlog_pause = 1 << 18; ///< unsent output that stops reading
    static constexpr std::size_t backlog_limit = 1 << 26; ///< unsent output that ends the connection

    Server& server_;
    Socket socket_;
    std::unique_ptr<char[]> buffer_;
    std::size_t at_ = 0;
    std::size_t have_ = 0;
    bool reading_ = false;
    bool writing_ = false;
};

} // namespace hospes::xs
