// SPDX-License-Identifier: MIT
// xenstored: start, readiness, signals, live update.
#include <csignal>
#include <cstdio>
#include <cstring>

#include <fcntl.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <boost/asio/posix/stream_descriptor.hpp>

#include "daemon/options.hpp"
#include "net/log.hpp"
#include "xc/pid_file.hpp"
#include "xc/resident.hpp"

namespace hospes::xs {
namespace {

/// Forks; the parent stays until the child writes its byte (ready) or dies, and exits accordingly.
int fork_and_wait() {
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) != 0) return -1;
    const pid_t child = ::fork();
    if (child < 0) return -1;
    if (child > 0) {
        ::close(ends[1]);
        char ready = 0;
        const bool up = ::read(ends[0], &ready, 1) == 1;
        ::_exit(up ? 0 : 1);
    }
    ::close(ends[0]);
    ::setsid();
    if (::chdir("/") != 0) return -1;
    return ends[1];
}

void detach_streams() {
    const int null = ::open("/dev/null", O_RDWR);
    for (int fd = 0; fd < 3; ++fd)
        ::dup2(null, fd);
    if (null > 2) ::close(null);
}

/// The readiness message of systemd's protocol (sd_notify(3)), which is one datagram.
void notify_supervisor() {
    const char* path = std::getenv("NOTIFY_SOCKET");
    if (!path || (path[0] != '/' && path[0] != '@')) return;
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    const std::size_t n = std::strlen(path);
    if (n >= sizeof address.sun_path) return;
    std::memcpy(address.sun_path, path, n);
    if (path[0] == '@') address.sun_path[0] = '\0';
    const int fd = ::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0) return;
    const std::string text = "READY=1\nMAINPID=" + std::to_string(::getpid());
    ::sendto(fd, text.data(), text.size(), MSG_NOSIGNAL, reinterpret_cast<sockaddr*>(&address),
             static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + n));
    ::close(fd);
}

sigset_t ending_signals() {
    sigset_t set;
    ::sigemptyset(&set);
    ::sigaddset(&set, SIGTERM);
    ::sigaddset(&set, SIGINT);
    return set;
}

/// Blocks or unblocks what ends us; what was blocked before.
sigset_t mask_signals(int how) {
    const sigset_t set = ending_signals();
    sigset_t before;
    ::sigprocmask(how, &set, &before);
    return before;
}

constexpr int checked = 42; ///< exit status of a program that has read the stream; others end with 0, too

class LiveUpdate {
  public:
    LiveUpdate(Server& server, const Options& options) : server_(server), options_(options) {}

    /// The words that stock xenstore-control sends, one call each: -f FILE, -c CMDLINE, -a, -s.
    ControlReply request(const std::vector<std::string_view>& words) {
        if (words.size() < 2) return {EINVAL};
        if (words[1] == "-a") {
            program_.clear();
            extra_.clear();
            return {};
        }
        if (words[1] == "-f" && words.size() == 3) {
            if (::access(std::string(words[2]).c_str(), X_OK) != 0) return {0, "cannot execute it"};
            program_ = words[2];
            return {};
        }
        if (words[1] == "-c" && words.size() == 3) {
            extra_ = words[2];
            return {};
        }
        if (words[1] != "-s") return {EINVAL};
        if (program_.empty()) return {0, "no program given"};
        server_.post([this] { replace(); });
        return {0, "OK", true};
    }

  private:
    std::vector<std::string> arguments() const {
        std::vector<std::string> a = options_.arguments;
        for (std::size_t at = 0; at < extra_.size();) {
            const std::size_t end = std::min(extra_.find(' ', at), extra_.size());
            if (end > at) a.push_back(extra_.substr(at, end - at));
            at = end + 1;
        }
        return a;
    }

    /// Returns only if the program cannot be executed.
    int execute(const std::vector<int>& keep, int stream, const std::vector<std::string>& last) const {
        ::fcntl(stream, F_SETFD, 0);
        for (const int k : keep)
            ::fcntl(k, F_SETFD, 0);
        std::vector<std::string> words = arguments();
        words.insert(words.end(), last.begin(), last.end());
        std::vector<char*> argv;
        for (std::string& w : words)
            argv.push_back(w.data());
        argv.push_back(nullptr);
        const sigset_t before = mask_signals(SIG_UNBLOCK);
        ::execv(program_.c_str(), argv.data());
        const int error = errno;
        ::sigprocmask(SIG_SETMASK, &before, nullptr);
        for (const int k : keep)
            ::fcntl(k, F_SETFD, FD_CLOEXEC);
        return error;
    }

    /// Lets the program read the stream in a process of its own: "" if it can, else why it will not do.
    std::string try_out(const std::vector<int>& keep, int stream) const {
        constexpr int patience_ms = 30'000;
        const pid_t child = ::fork();
        if (child == 0) {
            // Debian's daemons start although they do not know an option; --help ends them.
            execute(keep, stream, {"--live-update-check=" + std::to_string(stream), "--help"});
            ::_exit(127);
        }
        if (child < 0) return std::strerror(errno);
        pollfd ended{static_cast<int>(::syscall(SYS_pidfd_open, child, 0)), POLLIN, 0};
        const bool in_time = ended.fd >= 0 && ::poll(&ended, 1, patience_ms) == 1;
        if (ended.fd >= 0) ::close(ended.fd);
        if (!in_time) ::kill(child, SIGKILL);
        int status = 0;
        ::waitpid(child, &status, 0);
        if (!in_time) return "the new program hangs";
        return WIFEXITED(status) && WEXITSTATUS(status) == checked ? "" : "the new program cannot read the state";
    }

    std::string attempt() {
        std::vector<int> keep;
        const std::string stream = server_.save(keep);
        const int fd = ::memfd_create("xenstored-state", MFD_CLOEXEC);
        std::size_t written = 0;
        while (fd >= 0 && written < stream.size()) {
            const ssize_t n = ::write(fd, stream.data() + written, stream.size() - written);
            if (n <= 0) break;
            written += static_cast<std::size_t>(n);
        }
        std::string why = written == stream.size() ? try_out(keep, fd) : std::strerror(errno);
        if (why.empty()) {
            const int events = server_.has_gate() ? server_.gate().event_fd() : -1;
            why = std::strerror(
                execute(keep, fd, {"--live-update-fds=" + std::to_string(fd) + "," + std::to_string(events)}));
        }
        if (fd >= 0) ::close(fd);
        return why; // still here: go on as if nothing had been asked
    }

    void replace() {
        const std::string why = "live update failed: " + attempt();
        log::warn(why);
        server_.answer_pending({0, why});
    }

    Server& server_;
    const Options& options_;
    std::string program_;
    std::string extra_;
};

std::string read_all(int fd) {
    struct stat st {};
    std::string bytes;
    if (::fstat(fd, &st) != 0) return bytes;
    bytes.resize(static_cast<std::size_t>(st.st_size));
    if (::pread(fd, bytes.data(), bytes.size(), 0) != st.st_size) bytes.clear();
    ::close(fd);
    return bytes;
}

/// Reads a stream as a successor would; never returns.
[[noreturn]] void check_stream(const Options& options) {
    boost::asio::io_context io(1);
    Server server(io, options.server, nullptr);
    ::_exit(server.readable(read_all(options.check_fd)) ? checked : 1); // the descriptors are the old daemon's
}

int run(const Options& options, int ready_fd) {
    const bool updated = options.live_update_fd >= 0;
    mask_signals(SIG_BLOCK);
    boost::asio::io_context io(1);
    std::string why;
    std::unique_ptr<XenGate> gate = open_xen_gate(options.event_fd, why);
    if (!gate) log::info("no Xen here, serving the socket only (" + why + ")");
    Server server(io, options.server, std::move(gate));
    server.engine().quotas = options.quotas;
    server.engine().keep_orphans = options.keep_orphans;
    LiveUpdate live(server, options);
    server.on_live_update = [&](const auto& words) { return live.request(words); };
    if (!(updated ? server.resume(read_all(options.live_update_fd)) : server.start())) return 1;
    if (const int failed = xc::write_pid_file(options.pid_file))
        log::warn("cannot write " + options.pid_file + ": " + std::strerror(failed));
    if (options.print_pid && !updated) {
        std::printf("%d\n", ::getpid());
        std::fflush(stdout);
    }
    if (ready_fd >= 0) {
        detach_streams();
        [[maybe_unused]] const ssize_t n = ::write(ready_fd, "", 1);
        ::close(ready_fd);
    }
    notify_supervisor();
    // A descriptor, so that no signal can come between looking for it and waiting.
    const sigset_t set = ending_signals();
    boost::asio::posix::stream_descriptor ending(io, ::signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK));
    ending.async_wait(boost::asio::posix::stream_descriptor::wait_read, [&](const auto& error) {
        if (!error) io.stop();
    });
    server.also_wait_for(ending.native_handle());
    xc::forget_start();
    io.run();
    return 0;
}

} // namespace
} // namespace hospes::xs

int main(int argc, char** argv) {
    using namespace hospes::xs;
    const Options options = parse_options(argc, argv);
    std::signal(SIGPIPE, SIG_IGN);
    if (options.check_fd >= 0) check_stream(options);
    const bool updated = options.live_update_fd >= 0;
    const std::string& socket = options.server.socket_path;
    if (const std::size_t slash = socket.rfind('/'); slash != std::string::npos && slash != 0)
        ::mkdir(socket.substr(0, slash).c_str(), 0755);
    if (!options.trace_file.empty() && log::trace_to(options.trace_file.c_str()) != 0)
        log::warn("cannot write " + options.trace_file);
    int ready = -1;
    if (!options.foreground && !updated && (ready = fork_and_wait()) < 0) return 1;
    log::open(options.foreground ? log::To::Stderr : log::To::Syslog);
    log::verbose(options.verbose);
    return run(options, ready);
}
