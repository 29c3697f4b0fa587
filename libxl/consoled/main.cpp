// SPDX-License-Identifier: MIT
// xenconsoled: the options of Debian's, plus --socket, --store and the sizes.
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include <getopt.h>
#include <sys/stat.h>

#include "libxl/consoled/daemon.hpp"
#include "libxl/daemon/launch.hpp"

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
    ::mkdir(o.log_dir.c_str(), 0755);
    hospes::xl::daemon::Launch launch({"xenconsoled", o.pid_file, o.log_dir + "/xenconsoled.log", o.foreground});
    boost::asio::io_context io(1);
    Daemon daemon(io, o);
    return launch.serve(io, daemon.start());
}
