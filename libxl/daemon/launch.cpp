// SPDX-License-Identifier: MIT
#include "libxl/daemon/launch.hpp"

#include <csignal>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <utility>

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <boost/asio/signal_set.hpp>

#include "libxl/daemon/log.hpp"
#include "xc/pid_file.hpp"
#include "xc/resident.hpp"

namespace hospes::xl::daemon {
namespace {

/// The descriptor by which the first process is told; that one does not return from here.
int leave_terminal() {
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) != 0) ::_exit(1);
    const pid_t child = ::fork();
    if (child < 0) ::_exit(1);
    ::close(ends[child > 0 ? 1 : 0]);
    if (child > 0) {
        char byte = 0;
        ::_exit(::read(ends[0], &byte, 1) == 1 ? 0 : 1);
    }
    ::setsid();
    return ends[1];
}

void close_streams() {
    const int null = ::open("/dev/null", O_RDWR);
    if (null < 0) return;
    for (const int stream : {0, 1, 2})
        ::dup2(null, stream);
    if (null > 2) ::close(null);
}

} // namespace

void notify_systemd(const std::string& text) {
    const char* const path = std::getenv("NOTIFY_SOCKET");
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (!path || (path[0] != '/' && path[0] != '@') || std::strlen(path) >= sizeof(address.sun_path)) return;
    std::strcpy(address.sun_path, path);
    if (path[0] == '@') address.sun_path[0] = '\0';
    const int fd = ::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0) return;
    ::sendto(fd, text.data(), text.size(), MSG_NOSIGNAL, reinterpret_cast<const sockaddr*>(&address),
             static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + std::strlen(path)));
    ::close(fd);
}

Launch::Launch(Process process) : process_(std::move(process)) {
    std::signal(SIGPIPE, SIG_IGN);
    if (!process_.foreground) waiting_ = leave_terminal();
    log::open(process_.name, process_.foreground ? "" : process_.log_file);
}

Launch::~Launch() {
    if (waiting_ >= 0) ::close(waiting_);
}

int Launch::serve(boost::asio::io_context& io, const Status& started) {
    if (!started) {
        const Error& why = started.problem();
        log::warn(why.text() + (why.hint.empty() ? "" : " (" + why.hint + ")"));
        return 1;
    }
    boost::asio::signal_set ending(io, SIGTERM, SIGINT); // before anybody knows of us: it may be ended at once
    ending.async_wait([&io](const auto& e, int) {
        if (!e) io.stop();
    });
    if (const int failed = xc::write_pid_file(process_.pid_file))
        log::warn("cannot write " + process_.pid_file + ": " + std::strerror(failed));
    if (waiting_ >= 0) {
        close_streams();
        log::no_terminal();
        [[maybe_unused]] const ssize_t told = ::write(std::exchange(waiting_, -1), "", 1);
    }
    notify_systemd("READY=1\nMAINPID=" + std::to_string(::getpid()));
    xc::forget_start();
    io.run();
    notify_systemd("STOPPING=1");
    return 0;
}

} // namespace hospes::xl::daemon
