// SPDX-License-Identifier: MIT
// The guest's side of an attached console: a connection to the console daemon, or a pseudo terminal.
#pragma once

#include <string>
#include <string_view>

#include "xc/result.hpp"

namespace hospes::xl::console {

class Stream {
  public:
    /// Sends `request` to the daemon's socket and takes its one-line answer. ENOENT or ECONNREFUSED: no daemon of
    /// ours is there. ESRCH: it has no such console.
    static Result<Stream> ask_daemon(const std::string& socket, const std::string& request, int timeout_ms);
    static Result<Stream> open_terminal(const std::string& path);

    Stream(Stream&& other) noexcept;
    Stream& operator=(Stream&& other) noexcept;
    ~Stream();

    [[nodiscard]] int fd() const { return fd_; }
    /// Some bytes; empty at the end, which the loss of the peer is too.
    std::string read() const;
    /// False: the peer is gone.
    [[nodiscard]] bool write(std::string_view bytes) const;

  private:
    explicit Stream(int fd) : fd_(fd) {}
    int fd_ = -1;
};

/// Writes all of `bytes`; false when that is not possible.
bool write_all(int fd, std::string_view bytes);

} // namespace hospes::xl::console
