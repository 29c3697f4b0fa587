// SPDX-License-Identifier: MIT
#include "daemon/options.hpp"

#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include <getopt.h>

namespace hospes::xs {
namespace {

constexpr const char* usage = R"(Usage: xenstored [options]

  -N, --no-fork              stay in the foreground
  -F, --pid-file FILE        write the daemon's process id to FILE
  -P, --output-pid           print the daemon's process id
  -D, --no-domain-init       do not connect the control domain's kernel
  -T, --trace-file FILE      log every request to FILE
  -V, --verbose              also log which domains come and go
  -K, --keep-orphans         keep the nodes of dead domains (a security risk)
  -R, --no-recovery          keep no state for a restart after a crash
      --socket PATH          listen here (default /run/xenstored/socket)
      --state-dir DIR        keep the state for a restart here (default: state beside the socket)
  -E, --entry-nb N           nodes per domain
  -S, --entry-size N         size of a node
  -W, --watch-nb N           watches per domain
  -t, --transaction N        transactions per domain
  -A, --perm-nb N            permission entries per node
  -M, --path-max N           length of a path
  -Q, --quota WHAT=N         any quota; CONTROL's "quota" lists them
  -q, --quota-soft memory=N  memory per domain above which a warning is logged
  -w, --timeout watch-event=S  an event that a guest does not take for S seconds is dropped (default 20; 0: never)
  -H, --help
      --version

The environment's XENSTORED_PATH and XENSTORED_RUNDIR set the socket as they do for clients.
)";

[[noreturn]] void fail(const std::string& text) {
    std::fprintf(stderr, "xenstored: %s\nTry 'xenstored --help'.\n", text.c_str());
    std::exit(1);
}

std::uint32_t number(std::string_view text) {
    std::uint32_t n = 0;
    const char* end = text.data() + text.size();
    if (std::from_chars(text.data(), end, n).ptr != end || text.empty()) fail("not a number: " + std::string(text));
    return n;
}

void set_quota(Quotas& quotas, std::string_view text) {
    const std::size_t equals = text.find('=');
    if (equals == std::string_view::npos) fail("--quota wants WHAT=N");
    const QuotaName* q = find_quota(text.substr(0, equals));
    if (!q) fail("no such quota: " + std::string(text.substr(0, equals)));
    quotas.*q->member = number(text.substr(equals + 1));
}

std::uint32_t after_equals(std::string_view text, std::string_view what) {
    if (!text.starts_with(what) || text.size() <= what.size() || text[what.size()] != '=')
        fail("expected " + std::string(what) + "=N");
    return number(text.substr(what.size() + 1));
}

enum LongOnly { Socket = 256, StateDir, Version, LiveUpdate, LiveUpdateCheck, Ignored };

const option long_options[] = {
    {"no-fork", no_argument, nullptr, 'N'},
    {"pid-file", required_argument, nullptr, 'F'},
    {"output-pid", no_argument, nullptr, 'P'},
    {"no-domain-init", no_argument, nullptr, 'D'},
    {"trace-file", required_argument, nullptr, 'T'},
    {"verbose", no_argument, nullptr, 'V'},
    {"keep-orphans", no_argument, nullptr, 'K'},
    {"no-recovery", no_argument, nullptr, 'R'},
    {"internal-db", optional_argument, nullptr, 'I'},
    {"socket", required_argument, nullptr, Socket},
    {"state-dir", required_argument, nullptr, StateDir},
    {"entry-nb", required_argument, nullptr, 'E'},
    {"entry-size", required_argument, nullptr, 'S'},
    {"watch-nb", required_argument, nullptr, 'W'},
    {"transaction", required_argument, nullptr, 't'},
    {"perm-nb", required_argument, nullptr, 'A'},
    {"path-max", required_argument, nullptr, 'M'},
    {"quota", required_argument, nullptr, 'Q'},
    {"quota-soft", required_argument, nullptr, 'q'},
    {"timeout", required_argument, nullptr, 'w'},
    {"priv-domid", required_argument, nullptr, Ignored},
    {"master-domid", required_argument, nullptr, Ignored},
    {"help", no_argument, nullptr, 'H'},
    {"version", no_argument, nullptr, Version},
    {"live-update-fds", required_argument, nullptr, LiveUpdate},
    {"live-update-check", required_argument, nullptr, LiveUpdateCheck},
    {nullptr, 0, nullptr, 0},
};

void apply(Options& o, int c, const char* argument) {
    switch (c) {
    case 'N': o.foreground = true; break;
    case 'F': o.pid_file = argument; break;
    case 'P': o.print_pid = true; break;
    case 'D': o.server.own_domain = false; break;
    case 'T': o.trace_file = argument; break;
    case 'V': o.verbose = true; break;
    case 'K': o.keep_orphans = true; break;
    case 'R': o.server.state_dir = "-"; break;
    case 'I':
    case Ignored: break; // the store is always in memory; there is one control domain
    case Socket: o.server.socket_path = argument; break;
    case StateDir: o.server.state_dir = argument; break;
    case 'E': o.quotas.nodes = number(argument); break;
    case 'S': o.quotas.node_size = number(argument); break;
    case 'W': o.quotas.watches = number(argument); break;
    case 't': o.quotas.transactions = number(argument); break;
    case 'A': o.quotas.node_permissions = number(argument); break;
    case 'M': o.quotas.path_max = number(argument); break;
    case 'Q': set_quota(o.quotas, argument); break;
    case 'q': o.quotas.memory_soft = after_equals(argument, "memory"); break;
    case 'w': o.quotas.watch_event_seconds = after_equals(argument, "watch-event"); break;
    case LiveUpdate:
        if (std::sscanf(argument, "%d,%d", &o.live_update_fd, &o.event_fd) != 2)
            fail("--live-update-fds is for the daemon's own use");
        break;
    case LiveUpdateCheck: o.check_fd = static_cast<int>(number(argument)); break;
    case 'H':
        if (o.check_fd >= 0) break; // says it to other programs, see LiveUpdate::try_out()
        std::fputs(usage, stdout);
        std::exit(0);
    case Version: std::puts("Hospes xenstored, protocol of Xen 4.17"); std::exit(0);
    default: fail("unknown option");
    }
}

} // namespace

Options parse_options(int argc, char** argv) {
    Options o;
    o.server.linger = true;
    if (const char* path = std::getenv("XENSTORED_PATH"))
        o.server.socket_path = path;
    else if (const char* dir = std::getenv("XENSTORED_RUNDIR"))
        o.server.socket_path = std::string(dir) + "/socket";
    for (int i = 0; i < argc; ++i)
        if (!std::string_view(argv[i]).starts_with("--live-update-fds")) o.arguments.emplace_back(argv[i]);
    opterr = 0;
    for (int c; (c = getopt_long(argc, argv, "NF:PDT:VKRI::E:S:W:t:A:M:Q:q:w:H", long_options, nullptr)) != -1;) {
        if (c == '?') fail(std::string("cannot make sense of ") + argv[optind - 1]);
        apply(o, c, optarg);
    }
    if (optind != argc && std::strcmp(argv[optind], "on") != 0 &&
        std::strcmp(argv[optind], "off") != 0) // "-I off", in two words
        fail(std::string("unexpected argument ") + argv[optind]);
    if (o.server.state_dir.empty()) {
        const std::size_t slash = o.server.socket_path.rfind('/');
        o.server.state_dir = (slash == std::string::npos ? "." : o.server.socket_path.substr(0, slash)) + "/state";
    } else if (o.server.state_dir == "-") {
        o.server.state_dir.clear();
    }
    return o;
}

} // namespace hospes::xs
