// SPDX-License-Identifier: MIT
// What our daemons' main() functions have in common: leaving the terminal, saying when they are ready, ending.
#pragma once

#include <string>

#include <boost/asio/io_context.hpp>

#include "xc/result.hpp"

namespace hospes::xl::daemon {

struct Process {
    std::string name;
    std::string pid_file; ///< empty: none
    std::string log_file; ///< where warnings go once there is no terminal any more
    bool foreground = false;
};

/// Constructed before anything is opened: in the background, the first process stays until serve() is reached by the
/// second, and ends with its verdict (0: it is ready).
class Launch {
  public:
    explicit Launch(Process process);
    Launch(const Launch&) = delete;
    Launch& operator=(const Launch&) = delete;
    ~Launch();

    /// Tells everyone who waits (the first process, the pid file, systemd) that the daemon `started`, and handles its
    /// events until SIGTERM or SIGINT. The exit status; when it did not start, after saying why.
    int serve(boost::asio::io_context& io, const Status& started);

  private:
    Process process_;
    int waiting_ = -1; ///< the first process reads the other end
};

/// sd_notify(3): one datagram to $NOTIFY_SOCKET, if there is one.
void notify_systemd(const std::string& text);

} // namespace hospes::xl::daemon
