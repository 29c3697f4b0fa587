// SPDX-License-Identifier: MIT
#include "libxl/core/process.hpp"

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>

extern char** environ;

namespace hospes::xl {
namespace {

constexpr std::size_t kept_output = 2048;

std::vector<char*> pointers(const std::vector<std::string>& strings) {
    std::vector<char*> out;
    for (const std::string& text : strings)
        out.push_back(const_cast<char*>(text.c_str())); // posix_spawn's interface; it does not write there
    out.push_back(nullptr);
    return out;
}

/// Our environment with `added` in place of what has the same names.
std::vector<std::string> environment_with(const std::vector<std::string>& added) {
    std::vector<std::string> all = added;
    for (char** entry = environ; *entry; ++entry) {
        const std::string_view text(*entry), name = text.substr(0, text.find('=') + 1);
        bool replaced = false;
        for (const std::string& own : added)
            replaced = replaced || std::string_view(own).starts_with(name);
        if (!replaced) all.emplace_back(text);
    }
    return all;
}

Result<pid_t> spawn(const std::vector<std::string>& arguments, const std::vector<std::string>& environment, int out) {
    posix_spawn_file_actions_t files;
    posix_spawnattr_t attributes;
    posix_spawn_file_actions_init(&files);
    posix_spawn_file_actions_addopen(&files, 0, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_adddup2(&files, out, 1);
    posix_spawn_file_actions_adddup2(&files, out, 2);
    posix_spawnattr_init(&attributes);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK);
    sigset_t set;
    sigfillset(&set);
    posix_spawnattr_setsigdefault(&attributes, &set);
    sigemptyset(&set);
    posix_spawnattr_setsigmask(&attributes, &set);
    pid_t child = -1;
    const int failure = ::posix_spawnp(&child, arguments[0].c_str(), &files, &attributes, pointers(arguments).data(),
                                       pointers(environment).data());
    posix_spawnattr_destroy(&attributes);
    posix_spawn_file_actions_destroy(&files);
    if (failure) return error("run " + arguments[0], failure);
    return child;
}

} // namespace

Result<ProgramRun> run_program(const std::vector<std::string>& arguments, const std::vector<std::string>& environment,
                               Clock::time_point deadline, const Cancel* cancel) {
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) < 0) return error("run " + arguments[0], errno);
    const auto child = spawn(arguments, environment_with(environment), ends[1]);
    ::close(ends[1]);
    if (!child) {
        ::close(ends[0]);
        return child.problem();
    }
    const int ended = static_cast<int>(::syscall(SYS_pidfd_open, *child, 0));
    ProgramRun run;
    Status result;
    for (bool output_open = true; result;) {
        pollfd waiting[3] = {
            {output_open ? ends[0] : -1, POLLIN, 0}, {ended, POLLIN, 0}, {cancel ? cancel->fd() : -1, POLLIN, 0}};
        const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - Clock::now()).count();
        if (left <= 0)
            result = error("run " + arguments[0], ETIMEDOUT, "it was killed");
        else if (::poll(waiting, 3, static_cast<int>(std::min<long>(left, 3600000))) < 0)
            continue;
        if (waiting[0].revents) {
            char chunk[1024];
            const ssize_t got = ::read(ends[0], chunk, sizeof(chunk));
            if (got > 0)
                run.output.append(chunk, static_cast<std::size_t>(got));
            else
                output_open = got < 0 && errno == EINTR;
            if (run.output.size() > 2 * kept_output) run.output.erase(0, run.output.size() - kept_output);
            continue; // all of the output before its end
        }
        if (waiting[1].revents) break;
        if (result && waiting[2].revents) result = error("run " + arguments[0], ECANCELED, "interrupted");
    }
    if (!result) ::kill(-*child, SIGKILL);
    int status = 0;
    while (::waitpid(*child, &status, 0) < 0 && errno == EINTR)
        ;
    ::close(ends[0]);
    ::close(ended);
    if (!result) return std::move(result).problem();
    run.status = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
    while (!run.output.empty() && run.output.back() == '\n')
        run.output.pop_back();
    return run;
}

} // namespace hospes::xl
