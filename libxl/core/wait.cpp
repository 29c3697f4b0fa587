// SPDX-License-Identifier: MIT
#include "libxl/core/wait.hpp"

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <csignal>

namespace hospes::xl {
namespace {

std::atomic<int> signal_pipe{-1};
constexpr int watched_signals[] = {SIGINT, SIGTERM, SIGHUP};

void on_signal(int) { // async-signal-safe: one write
    const int saved = errno;
    const int fd = signal_pipe.load();
    [[maybe_unused]] const ssize_t sent = fd >= 0 ? ::write(fd, "", 1) : 0;
    errno = saved;
}

} // namespace

Cancel::Cancel() {
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC | O_NONBLOCK) == 0) {
        read_ = ends[0];
        write_ = ends[1];
    }
}

Cancel::~Cancel() {
    if (signals_) {
        signal_pipe = -1;
        for (const int number : watched_signals)
            std::signal(number, SIG_DFL);
    }
    for (const int fd : {read_, write_})
        if (fd >= 0) ::close(fd);
}

std::unique_ptr<Cancel> Cancel::on_signals() {
    auto cancel = std::make_unique<Cancel>();
    signal_pipe = cancel->write_;
    cancel->signals_ = true;
    struct sigaction action {};
    action.sa_handler = on_signal;
    action.sa_flags = static_cast<int>(SA_RESETHAND); // and no SA_RESTART: a blocking call shall come back
    for (const int number : watched_signals)
        ::sigaction(number, &action, nullptr);
    return cancel;
}

void Cancel::request() { [[maybe_unused]] const ssize_t sent = ::write(write_, "", 1); }

bool Cancel::requested() const {
    pollfd waiting{read_, POLLIN, 0};
    return read_ >= 0 && ::poll(&waiting, 1, 0) == 1;
}

Status Cancel::check() const {
    if (!requested()) return {};
    return error("", ECANCELED, "interrupted");
}

Result<bool> wait_until(xs::Client& store, const std::vector<std::string>& watches, Clock::time_point deadline,
                        const std::function<Result<bool>()>& done, const Cancel* cancel, int also) {
    // Never the same twice: should taking a watch back fail, the next wait is not refused for it.
    static unsigned waits = 0;
    const std::string token = "hospes-wait-" + std::to_string(++waits);
    const auto unwatch = [&] {
        for (const std::string& path : watches)
            static_cast<void>(store.unwatch(path, token)); // the connection may be the thing that failed
    };
    for (const std::string& path : watches)
        HOSPES_TRY(store.watch(path, token));
    Result<bool> reached = done();
    while (reached && !*reached) {
        auto event = store.next_event(0);
        if (!event) {
            reached = std::move(event).problem();
            break;
        }
        if (*event) { // take all that is there before asking again
            while (event && *event)
                event = store.next_event(0);
            reached = done();
            continue;
        }
        const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - Clock::now()).count();
        if (left <= 0) break;
        pollfd waiting[3] = {{store.fd(), POLLIN, 0}, {cancel ? cancel->fd() : -1, POLLIN, 0}, {also, POLLIN, 0}};
        ::poll(waiting, 3, static_cast<int>(std::min<long>(left, 3600000)));
        if (waiting[2].revents) reached = done();
        if (cancel)
            if (Status go_on = cancel->check(); !go_on) reached = std::move(go_on).problem();
    }
    unwatch();
    return reached;
}

} // namespace hospes::xl
