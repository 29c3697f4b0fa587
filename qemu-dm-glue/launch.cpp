// SPDX-License-Identifier: MIT
#include "qemu-dm-glue/launch.hpp"

#include <fcntl.h>
#include <linux/close_range.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdio>

namespace hospes::dm {
namespace {

constexpr int kept_logs = 10;
constexpr std::size_t kept_lines = 3, kept_bytes = 600;
constexpr std::size_t looked_at = 8192; // a guest can make QEMU write a lot

struct Pipe {
    int in = -1, out = -1;
    Pipe() {
        int ends[2];
        if (::pipe2(ends, O_CLOEXEC) == 0) {
            in = ends[0];
            out = ends[1];
        }
    }
    Pipe(const Pipe&) = delete;
    Pipe& operator=(const Pipe&) = delete;
    ~Pipe() {
        close_in();
        close_out();
    }
    void close_in() {
        if (in >= 0) ::close(std::exchange(in, -1));
    }
    void close_out() {
        if (out >= 0) ::close(std::exchange(out, -1));
    }
};

/// In the new process; never returns. Only calls that are safe after fork().
[[noreturn]] void become(char* const* arguments, int log, int go, int failed) {
    ::setsid();
    sigset_t none;
    sigemptyset(&none);
    struct sigaction usual {};
    usual.sa_handler = SIG_DFL;
    for (int number = 1; number < NSIG; ++number)
        ::sigaction(number, &usual, nullptr);
    ::sigprocmask(SIG_SETMASK, &none, nullptr);
    const int null = ::open("/dev/null", O_RDONLY);
    ::dup2(null, 0);
    ::dup2(log, 1);
    ::dup2(log, 2);
    ::close_range(3, ~0U, CLOSE_RANGE_CLOEXEC);
    char word = 0;
    if (::read(go, &word, 1) != 1) ::_exit(0); // whoever started us is gone, and has told nobody
    ::execvp(arguments[0], arguments);
    const int why = errno;
    [[maybe_unused]] const ssize_t sent = ::write(failed, &why, sizeof(why));
    ::_exit(127);
}

void reap(pid_t child) {
    while (::waitpid(child, nullptr, 0) < 0 && errno == EINTR)
        ;
}

} // namespace

Result<pid_t> launch(const std::vector<std::string>& arguments, const std::string& log,
                     const std::function<Status(pid_t)>& record) {
    const std::string stage = "start " + arguments[0];
    Pipe go, failed;
    if (go.in < 0 || failed.in < 0) return error(stage, errno);
    const int output = ::open(log.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
    if (output < 0) return error(stage, errno, "cannot write its log " + log);
    std::vector<char*> pointers;
    for (const std::string& argument : arguments)
        pointers.push_back(const_cast<char*>(argument.c_str())); // exec's interface; it does not write there
    pointers.push_back(nullptr);
    const pid_t child = ::fork();
    if (child == 0) {
        go.close_out(); // else its own copy would keep it waiting
        become(pointers.data(), output, go.in, failed.out);
    }
    const int failure = errno;
    ::close(output);
    if (child < 0) return error(stage, failure);
    failed.close_out();
    if (Status known = record(child); !known) {
        go.close_out();
        reap(child);
        return std::move(known).problem().within(stage);
    }
    [[maybe_unused]] const ssize_t sent = ::write(go.out, "", 1);
    int why = 0;
    ssize_t got;
    while ((got = ::read(failed.in, &why, sizeof(why))) < 0 && errno == EINTR)
        ;
    if (got == 0) return child; // closed by exec
    reap(child);
    return error(stage, why);
}

void rotate_log(const std::string& file) {
    const auto name = [&](int n) { return n ? file + "." + std::to_string(n) : file; };
    if (::access(file.c_str(), F_OK) != 0) return;
    for (int n = kept_logs - 1; n >= 0; --n)
        std::rename(name(n).c_str(), name(n + 1).c_str());
}

std::string last_words(const std::string& file) {
    std::string text(looked_at, '\0');
    const int fd = ::open(file.c_str(), O_RDONLY | O_CLOEXEC);
    if (fd < 0) return {};
    const off_t size = ::lseek(fd, 0, SEEK_END);
    const ssize_t n = ::pread(fd, text.data(), text.size(), std::max(off_t{0}, size - static_cast<off_t>(looked_at)));
    ::close(fd);
    text.resize(n > 0 ? static_cast<std::size_t>(n) : 0);
    std::vector<std::string> lines;
    for (std::size_t at = 0; at < text.size();) {
        const std::size_t end = std::min(text.find('\n', at), text.size());
        if (end > at) lines.push_back(text.substr(at, end - at));
        if (lines.size() > kept_lines) lines.erase(lines.begin());
        at = end + 1;
    }
    std::string out;
    for (const std::string& line : lines)
        out += (out.empty() ? "" : " / ") + line;
    return out.size() > kept_bytes ? out.substr(out.size() - kept_bytes) : out;
}

} // namespace hospes::dm
