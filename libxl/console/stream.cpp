// SPDX-License-Identifier: MIT
#include "libxl/console/stream.hpp"

#include <cerrno>
#include <chrono>
#include <utility>

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <termios.h>
#include <unistd.h>

namespace hospes::xl::console {
namespace {

constexpr std::size_t longest_answer = 512;

/// The daemon's answer, without its newline. What follows stays in the socket.
Result<std::string> read_line(int fd, int timeout_ms) {
    const auto end = std::chrono::steady_clock::now() + std::chrono::milliseconds(timeout_ms);
    std::string line;
    while (line.size() < longest_answer) {
        const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(end - std::chrono::steady_clock::now());
        pollfd wait{fd, POLLIN, 0};
        const int n = ::poll(&wait, 1, static_cast<int>(std::max<std::int64_t>(0, left.count())));
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) return error("ask the console daemon", n < 0 ? errno : ETIMEDOUT);
        char byte = 0;
        const ssize_t got = ::read(fd, &byte, 1);
        if (got < 0 && errno == EINTR) continue;
        if (got <= 0) return error("ask the console daemon", got < 0 ? errno : EPIPE);
        if (byte == '\n') return line;
        line += byte;
    }
    return error("ask the console daemon", EPROTO, "its answer has no end");
}

} // namespace

bool write_all(int fd, std::string_view bytes) {
    while (!bytes.empty()) {
        const ssize_t n = ::write(fd, bytes.data(), bytes.size());
        if (n > 0) {
            bytes.remove_prefix(static_cast<std::size_t>(n));
        } else if (n < 0 && errno == EAGAIN) {
            pollfd wait{fd, POLLOUT, 0};
            ::poll(&wait, 1, -1);
        } else if (n == 0 || errno != EINTR) {
            return false;
        }
    }
    return true;
}

Stream::Stream(Stream&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
Stream& Stream::operator=(Stream&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
}
Stream::~Stream() {
    if (fd_ >= 0) ::close(fd_);
}

Result<Stream> Stream::ask_daemon(const std::string& socket, const std::string& request, int timeout_ms) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (socket.size() >= sizeof address.sun_path)
        return error("connect to the console daemon", ENAMETOOLONG, "'" + socket + "'");
    socket.copy(address.sun_path, socket.size());
    Stream stream(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    if (stream.fd_ < 0 || ::connect(stream.fd_, reinterpret_cast<const sockaddr*>(&address), sizeof address) < 0)
        return error("connect to the console daemon at " + socket, errno, {}, "is xenconsoled running?");
    if (!stream.write(request + "\n")) return error("ask the console daemon", EPIPE);
    const std::string answer = HOSPES_TRY(read_line(stream.fd_, timeout_ms));
    if (answer == "ok" || answer.starts_with("ok ")) return stream;
    return error("ask the console daemon for '" + request + "'", ESRCH,
                 answer.starts_with("error ") ? answer.substr(6) : "it does not speak our protocol");
}

Result<Stream> Stream::open_terminal(const std::string& path) {
    Stream stream(::open(path.c_str(), O_RDWR | O_NOCTTY | O_CLOEXEC));
    if (stream.fd_ < 0) return error("open the console " + path, errno);
    termios raw{};
    if (::tcgetattr(stream.fd_, &raw) == 0) { // or our own keys would come back as an echo
        ::cfmakeraw(&raw);
        ::tcsetattr(stream.fd_, TCSANOW, &raw);
    }
    return stream;
}

std::string Stream::read() const {
    char buffer[4096];
    for (;;) {
        const ssize_t n = ::read(fd_, buffer, sizeof buffer);
        if (n > 0) return {buffer, static_cast<std::size_t>(n)};
        if (n == 0 || errno != EINTR) return {};
    }
}

bool Stream::write(std::string_view bytes) const {
    // A daemon that went away must not take us along: no SIGPIPE on sockets.
    while (!bytes.empty()) {
        const ssize_t n = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
        if (n < 0 && errno == ENOTSOCK) return write_all(fd_, bytes);
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) return false;
        bytes.remove_prefix(static_cast<std::size_t>(n));
    }
    return true;
}

} // namespace hospes::xl::console
