// SPDX-License-Identifier: MIT
#include "libxl/core/worker.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>

namespace hospes::xl {
namespace {

/// 'v' and the value, or 'e' and the error's parts, each after its length.
std::string packed(const Result<std::string>& result) {
    if (result) return "v" + *result;
    const Error& e = result.problem();
    std::string out = "e" + std::to_string(e.code);
    for (const std::string* part : {&e.stage, &e.cause, &e.hint})
        out += " " + std::to_string(part->size()) + ":" + *part;
    return out;
}

std::optional<Result<std::string>> unpacked(const std::string& text) {
    if (text.starts_with('v')) return text.substr(1);
    if (!text.starts_with('e')) return std::nullopt;
    Error e;
    char* at = nullptr;
    e.code = static_cast<int>(std::strtol(text.c_str() + 1, &at, 10));
    for (std::string* part : {&e.stage, &e.cause, &e.hint}) {
        const std::size_t size = std::strtoul(at, &at, 10), from = static_cast<std::size_t>(at - text.c_str()) + 1;
        if (*at != ':' || size > text.size() - from) return std::nullopt;
        *part = text.substr(from, size);
        at += 1 + size;
    }
    return e;
}

[[noreturn]] void live(int out, pid_t parent, const std::function<Result<std::string>()>& work) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (::getppid() != parent) ::_exit(1);
    for (const int number : {SIGINT, SIGTERM, SIGHUP}) // whoever waits for us decides about them
        std::signal(number, SIG_IGN);
    const std::string text = packed(work());
    std::string_view rest(text);
    while (!rest.empty()) {
        const ssize_t n = ::write(out, rest.data(), rest.size());
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) ::_exit(1);
        rest.remove_prefix(static_cast<std::size_t>(n));
    }
    ::_exit(0);
}

} // namespace

Result<Worker> Worker::start(const std::function<Result<std::string>()>& work) {
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) < 0) return error("start a process", errno);
    const pid_t parent = ::getpid(), child = ::fork();
    if (child == 0) live(ends[1], parent, work);
    const int failure = errno;
    ::close(ends[1]);
    if (child > 0) return Worker(child, ends[0]);
    ::close(ends[0]);
    return error("start a process", failure);
}

Worker::~Worker() {
    if (child_ > 0) ::kill(child_, SIGKILL);
    reap();
}

void Worker::reap() {
    while (child_ > 0 && ::waitpid(child_, nullptr, 0) < 0 && errno == EINTR)
        ;
    child_ = -1;
    if (answer_ >= 0) ::close(answer_);
    answer_ = -1;
}

Result<std::string> Worker::finish(const Cancel* cancel) {
    std::string text;
    for (;;) {
        pollfd waiting[2] = {{answer_, POLLIN, 0}, {cancel ? cancel->fd() : -1, POLLIN, 0}};
        if (::poll(waiting, 2, -1) < 0) continue;
        if (waiting[1].revents) return error("", ECANCELED, "interrupted");
        char chunk[4096];
        const ssize_t got = ::read(answer_, chunk, sizeof(chunk));
        if (got < 0 && errno == EINTR) continue;
        if (got <= 0) break;
        text.append(chunk, static_cast<std::size_t>(got));
    }
    reap();
    if (auto result = unpacked(text)) return *std::move(result);
    return error("", ECHILD, "the process that was at it died", "was it killed? is there too little memory?");
}

} // namespace hospes::xl
