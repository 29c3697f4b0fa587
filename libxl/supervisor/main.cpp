// SPDX-License-Identifier: MIT
// xl-supervisor: its options.
#include <cerrno>
#include <cstdio>
#include <cstdlib>

#include <fcntl.h>
#include <getopt.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "libxl/daemon/launch.hpp"
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
  -h, --help
)";

enum LongOnly { PidFile = 256, Socket, Store, LogDir };
const option long_options[] = {{"interactive", no_argument, nullptr, 'i'},
                               {"pid-file", required_argument, nullptr, PidFile},
                               {"socket", required_argument, nullptr, Socket},
                               {"store", required_argument, nullptr, Store},
                               {"log-dir", required_argument, nullptr, LogDir},
                               {"help", no_argument, nullptr, 'h'},
                               {nullptr, 0, nullptr, 0}};

/// One supervisor a host (or a socket, where several run side by side).
bool only_one(const Options& options) {
    const int fd = ::open((options.socket + ".lock").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    return fd < 0 || ::flock(fd, LOCK_EX | LOCK_NB) == 0; // held until the process ends
}

int run(const Options& options) {
    daemon::Launch launch(
        {"xl-supervisor", options.pid_file, options.log_dir + "/xl-supervisor.log", options.foreground});
    boost::asio::io_context io(1);
    if (!only_one(options))
        return launch.serve(io, error("start", EBUSY, "another one runs already at " + options.socket));
    Daemon daemon(io, options);
    const int status = launch.serve(io, daemon.start());
    ::unlink(options.socket.c_str());
    return status;
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
        case 'h': std::fputs(usage, stdout); return 0;
        default: std::fputs("Try 'xl-supervisor --help'.\n", stderr); return 1;
        }
    }
    ::mkdir(options.log_dir.c_str(), 0755);
    return run(options);
}
