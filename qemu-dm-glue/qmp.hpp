// SPDX-License-Identifier: MIT
// QEMU's machine protocol (docs/interop/qmp-spec.rst there): a line of JSON for each command, answer and event.
#pragma once

#include <chrono>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "xc/result.hpp"

namespace hospes::dm {

using Clock = std::chrono::steady_clock;

class Qmp {
  public:
    /// Connects and agrees on the protocol. `cancel_fd` (or -1) becomes readable when it is to be given up.
    static Result<Qmp> connect(const std::string& socket, Clock::time_point deadline, int cancel_fd = -1);
    Qmp(Qmp&& other) noexcept
        : fd_(std::exchange(other.fd_, -1)), deadline_(other.deadline_), cancel_fd_(other.cancel_fd_),
          input_(std::move(other.input_)) {}
    Qmp& operator=(Qmp&&) = delete;
    ~Qmp();

    using Arguments = std::vector<std::pair<std::string, std::string>>; ///< all of them strings

    /// What listens for viewers: address and port. ENOENT when VNC is off.
    Result<std::pair<std::string, std::string>> vnc_server();
    Status set_vnc_password(const std::string& password);
    /// The path of a pseudo-terminal; empty when the character device is none.
    Result<std::string> pty_of(const std::string& chardev);

  private:
    Qmp(int fd, Clock::time_point deadline, int cancel_fd) : fd_(fd), deadline_(deadline), cancel_fd_(cancel_fd) {}
    /// The answer's text; `command` failed when QEMU says so.
    Result<std::string> execute(const std::string& command, const Arguments& arguments = {});
    Result<std::string> line();

    int fd_;
    Clock::time_point deadline_;
    int cancel_fd_;
    std::string input_;
};

} // namespace hospes::dm
