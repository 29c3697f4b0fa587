// SPDX-License-Identifier: MIT
// xenconsoled: the options of Debian's, plus --socket, --store and the sizes.
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>

#include <fcntl.h>
#include <getopt.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "libxl/consoled/daemon.hpp"

namespace hospes::xl::consoled {
namespace {

constexpr const char* usage = R"(Usage: xenconsoled [options]

  -i, --interactive              stay in the foreground
      --log=none|guest|hv|all    what to log
      --log-dir=DIR              where (default /var/log/xen/console)
  -t, --timestamp=none|guest|hv|all
      --pid-file=PATH
      --socket=PATH              viewers connect here (default /run/xen/consoled.sock)
      --store=PATH               the store's socket
      --history=KIB              kept of each console, from its first byte (default 256)
      --log-max=KIB, --log-keep=N  rotation (default 4096, 3)
  -h, --help  -V, --version
)";

bool one_of(const char* text, const char* which) {
    return std::strcmp(text, which) == 0 || std::strcmp(text, "all") == 0;
}

[[noreturn]] void fail(const std::string& text) {
    std::fprintf(stderr, "xenconsoled: %s\nTry 'xenconsoled --help'.\n", text.c_str());
    std::exit(1);
}

std::size_t kib(const char* text) {
    char* end = nullptr;
    const unsigned long n = std::strtoul(text, &end, 10);
    if (*end != '\0' || n == 0 || n > 1UL << 20) fail(std::string("not a size: ") + text);
    return n << 10;
}

enum LongOnly { Log = 256, LogDir, PidFile, Socket, Store, HistorySize, LogMax, LogKeep, Ignored };

const option long_options[] = {
    {"interactive", no_argument, nullptr, 'i'},
    {"log", required_argument, nullptr, Log},
    {"log-dir", required_argument, nullptr, LogDir},
    {"timestamp", required_argument, nullptr, 't'},
    {"overflow-data", required_argument, nullptr, 'o'},
    {"pid-file", required_argument, nullptr, PidFile},
    {"socket", required_argument, nullptr, Socket},
    {"store", required_argument, nullptr, Store},
    {"history", required_argument, nullptr, HistorySize},
    {"log-max", required_argument, nullptr, LogMax},
    {"log-keep", required_argument, nullptr, LogKeep},
    {"replace-escape", no_argument, nullptr, Ignored},
    {"verbose", no_argument, nullptr, 'v'},
    {"help", no_argument, nullptr, 'h'},
    {"version", no_argument, nullptr, 'V'},
    {nullptr, 0, nullptr, 0},
};

void apply(Options& o, int c) {
    switch (c) {
    case 'i': o.foreground = true; break;
    case Log:
        o.log_guests = one_of(optarg, "guest");
        o.log_hypervisor = one_of(optarg, "hv");
        break;
    case LogDir: o.log_dir = optarg; break;
    case 't':
        o.guest_log.timestamps = one_of(optarg, "guest");
        o.hypervisor_log.timestamps = one_of(optarg, "hv");
        break;
    case PidFile: o.pid_file = optarg; break;
    case Socket: o.socket = optarg; break;
    case Store: o.store = optarg; break;
    case HistorySize: o.limits.history = kib(optarg); break;
    case LogMax: o.guest_log.max_bytes = o.hypervisor_log.max_bytes = kib(optarg); break;
    case LogKeep:
        o.guest_log.keep = o.hypervisor_log.keep = static_cast<unsigned>(std::strtoul(optarg, nullptr, 10) % 100);
        break;
    case 'o': // the terminal keeps the newest data, the history all that fits
    case 'v':
    case Ignored: break;
    case 'h': std::fputs(usage, stdout); std::exit(0);
    case 'V': std::puts("Hospes xenconsoled"); std::exit(0);
    default: fail("unknown option");
    }
}

void notify_supervisor() { // sd_notify(3): one datagram
    const char* path = std::getenv("NOTIFY_SOCKET");
    sockaddr_un a{};
    a.sun_family = AF_UNIX;
    if (!path || std::strlen(path) >= sizeof a.sun_path) return;
    std::strcpy(a.sun_path, path);
    if (a.sun_path[0] == '@') a.sun_path[0] = '\0';
    const int fd = ::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    const std::string text = "READY=1\nMAINPID=" + std::to_string(::getpid());
    ::sendto(fd, text.data(), text.size(), MSG_NOSIGNAL, reinterpret_cast<sockaddr*>(&a),
             static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + std::strlen(path)));
    ::close(fd);
}

int run(const Options& options, int ready) {
    boost::asio::io_context io(1);
    Daemon daemon(io, options);
    if (auto s = daemon.start(); !s.ok()) {
        std::fprintf(stderr, "xenconsoled: %s\n", s.problem().text().c_str());
        return 1;
    }
    if (!options.pid_file.empty()) std::ofstream(options.pid_file) << ::getpid() << '\n';
    if (ready >= 0) {
        const int null = ::open("/dev/null", O_RDWR);
        for (int fd = 0; fd < 3; ++fd)
            ::dup2(null, fd);
        if (null > 2) ::close(null);
        [[maybe_unused]] const ssize_t n = ::write(ready, "", 1);
        ::close(ready);
    }
    notify_supervisor();
    boost::asio::signal_set ending(io, SIGTERM, SIGINT);
    bool asked = false;
    ending.async_wait([&](const auto& error, int) {
        if (error) return;
        asked = true;
        io.stop();
    });
    io.run();
    return asked ? 0 : 1;
}

} // namespace
} // namespace hospes::xl::consoled

int main(int argc, char** argv) {
    using namespace hospes::xl::consoled;
    Options o;
    opterr = 0;
    for (int c; (c = getopt_long(argc, argv, "it:o:vhV", long_options, nullptr)) != -1;) {
        if (c == '?') fail(std::string("cannot make sense of ") + argv[optind - 1]);
        apply(o, c);
    }
    if (optind != argc) fail(std::string("unexpected argument ") + argv[optind]);
    std::signal(SIGPIPE, SIG_IGN);
    if (o.log_guests || o.log_hypervisor) ::mkdir(o.log_dir.c_str(), 0755);
    int ends[2] = {-1, -1};
    if (!o.foreground) { // the parent leaves when the child is ready, with its verdict
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
    return run(o, ends[1]);
}
