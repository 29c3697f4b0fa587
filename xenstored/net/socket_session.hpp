// SPDX-License-Identifier: MIT
#pragma once

#include <memory>

#include "net/server.hpp"

namespace hospes::xs {

/// A client on the unix socket. Its requests are parsed where the kernel put them.
class SocketSession final : public Session, public std::enable_shared_from_this<SocketSession> {
  public:
    /// Owns the descriptor.
    SocketSession(Server& server, Connection& connection, int fd);
    ~SocketSession() override;
    bool run() override;
    void flush() override;
    void watch() override; ///< tells the kernel what to wait for
    SocketSession* socket() override { return this; }

    // With io_uring: what the kernel has been asked for on behalf of this client.
    enum Wish : std::uint64_t { Receive = 1, Send = 2, Writable = 3 };
    static constexpr std::uint64_t wish_mask = 7;
    void done(Wish wish, long result);
    bool queue_send(Uring& ring); ///< false if there is nothing to send now
    void cancel(Uring& ring);
    bool busy() const { return receiving_ || sending_ || polling_; } ///< the kernel may still use the buffers

    // Without: what the server asks for when the poll set names this client.
    struct Room {
        char* at = nullptr;
        std::size_t bytes = 0;
    };
    Room room();           ///< for what arrives; none when it is not to be read now
    void received(long n); ///< what recv() returned, or -errno
    bool sent(long n);     ///< the same of send(); true: flush() has more to do
    bool may_send() const { return !closed && !writing_ && !sending_ && !conn->out.empty(); }
    void hung_up(); ///< the client is gone, and it is not time to read its end
    bool waits_to_send() const { return !closed && writing_; }
    int fd() const { return fd_; }

    // Live update.
    std::string_view unread() const { return {buffer_.get() + at_, have_ - at_}; }
    void preload(std::string_view input);

    bool closed = false;

  private:
    std::uint64_t tag(Wish wish) const { return reinterpret_cast<std::uint64_t>(this) | wish; }
    bool ask(Uring& ring, bool read);
    void fail();
    bool next(Header& header) const;

    static constexpr std::size_t buffer_size = 16384;     ///< several of the largest messages
    static constexpr std::size_t backlog_pause = 1 << 18; ///< unsent output that stops reading
    static constexpr std::size_t backlog_limit = 1 << 26; ///< unsent output that ends the connection

    Server& server_;
    int fd_;
    std::unique_ptr<char[]> buffer_;
    std::size_t at_ = 0;
    std::size_t have_ = 0;
    bool writing_ = false; ///< waits until the client has read
    bool receiving_ = false, sending_ = false, polling_ = false;
    bool hung_up_ = false;
    std::uint32_t watched_ = 0; ///< what the poll set waits for; 0: not in it
};

} // namespace hospes::xs
