// SPDX-License-Identifier: MIT
// xl-supervisor: options, becoming a daemon, saying when it is ready.
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <fstream>

#include <fcntl.h>
#include <getopt.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "libxl/device/driver_domain.hpp"
#include "libxl/supervisor/daemon.hpp"

namespace hospes::xl::supervisor {
namespace {

constexpr const char* usage = R"(Usage: xl-supervisor [options]

Acts for domains that end (on_poweroff=, on_reboot=, on_crash=...) and removes what killed tools leave.

  -i, --interactive     stay in the foreground
      --pid-file=PATH
      --socket=PATH     where it answers (default /run/xen/supervisor.sock)
      --store=PATH      the store's socket
      --log-dir=DIR     for xl-NAME.log (default /var/log/xen)
      --driver-domain   in a domain that serves devices to others: plug and unplug those instead, in the foreground
  -h, --help
)";

enum LongOnly { PidFile = 256, Socket, Store, LogDir, DriverDomainOnly };
const option long_options[] = {{"interactive", no_argument, nullptr, 'i'},
                               {"pid-file", required_argument, nullptr, PidFile},
                               {"socket", required_argument, nullptr, Socket},
                               {"store", required_argument, nullptr, Store},
                               {"log-dir", required_argument, nullptr, LogDir},
                               {"driver-domain", no_argument, nullptr, DriverDomainOnly},
                               {"help", no_argument, nullptr, 'h'},
                               {nullptr, 0, nullptr, 0}};

void notify_ready() { // sd_notify(3): one datagram
    const char* const path = std::getenv("NOTIFY_SOCKET");
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (!path || std::strlen(path) >= sizeof(address.sun_path)) return;
    std::strcpy(address.sun_path, path);
    if (address.sun_path[0] == '@') address.sun_path[0] = '\0';
    const int fd = ::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    const std::string text = "READY=1\nMAINPID=" + std::to_string(::getpid());
    ::sendto(fd, text.data(), text.size(), MSG_NOSIGNAL, reinterpret_cast<sockaddr*>(&address),
             static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + std::strlen(path)));
    ::close(fd);
}

/// One supervisor a host (or a socket, where several run side by side).
bool only_one(const Options& options) {
    const int fd = ::open((options.socket + ".lock").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    return fd < 0 || ::flock(fd, LOCK_EX | LOCK_NB) == 0; // held until the process ends
}

int run(const Options& options, int ready) {
    if (!only_one(options)) {
        std::fprintf(stderr, "xl-supervisor: another one runs already (%s)\n", options.socket.c_str());
        return 1;
    }
    boost::asio::io_context io(1);
    Daemon daemon(io, options);
    if (Status started = daemon.start(); !started) {
        std::fprintf(stderr, "xl-supervisor: %s\n", started.problem().text().c_str());
        return 1;
    }
    if (!options.pid_file.empty()) std::ofstream(options.pid_file) << ::getpid() << '\n';
    if (ready >= 0) {
        const int null = ::open("/dev/null", O_RDWR);
        const int log = ::open((options.log_dir + "/xl-supervisor.log").c_str(), O_WRONLY | O_APPEND | O_CREAT, 0644);
        ::dup2(null, 0);
        ::dup2(log >= 0 ? log : null, 1);
        ::dup2(log >= 0 ? log : null, 2);
        for (const int fd : {null, log})
            if (fd > 2) ::close(fd);
        [[maybe_unused]] const ssize_t n = ::write(ready, "", 1);
        ::close(ready);
    }
    notify_ready();
    boost::asio::signal_set ending(io, SIGTERM, SIGINT);
    ending.async_wait([&](const auto& e, int) {
        if (!e) io.stop();
    });
    io.run();
    ::unlink(options.socket.c_str());
    return 0;
}

int serve_devices() {
    const auto cancel = Cancel::on_signals();
    Host host;
    auto service = DriverDomain::open(host, [](const std::string& line) { std::printf("%s\n", line.c_str()); });
    const Status done = service ? service->serve(*cancel) : Status(service.problem());
    if (!done) std::fprintf(stderr, "xl-supervisor: %s\n", done.problem().text().c_str());
    return done ? 0 : 1;
}

} // namespace
} // namespace hospes::xl::supervisor

int main(int argc, char** argv) {
    using namespace hospes::xl::supervisor;
    Options options;
    for (int c; (c = getopt_long(argc, argv, "ih", long_options, nullptr)) != -1;) {
        switch (c) {
        case 'i': options.foreground = true; break;
        case PidFile: options.pid_file = optarg; break;
        case Socket: options.socket = optarg; break;
        case Store: ::setenv("XENSTORED_PATH", optarg, 1); break; // for every connection, also the workers'
        case LogDir: options.log_dir = optarg; break;
        case DriverDomainOnly: return serve_devices();
        case 'h': std::fputs(usage, stdout); return 0;
        default: std::fputs("Try 'xl-supervisor --help'.\n", stderr); return 1;
        }
    }
    std::signal(SIGPIPE, SIG_IGN);
    ::mkdir(options.log_dir.c_str(), 0755);
    int ends[2] = {-1, -1};
    if (!options.foreground) { // the parent leaves when the child is ready, with its verdict
        if (::pipe2(ends, O_CLOEXEC) != 0) return 1;
        const pid_t child = ::fork();
        if (child < 0) return 1;
        ::close(ends[child > 0 ? 1 : 0]);
        if (child > 0) {
            char byte = 0;
            ::_exit(::read(ends[0], &byte, 1) == 1 ? 0 : 1);
        }
        ::setsid();
    }
    return run(options, ends[1]);
}
