// SPDX-License-Identifier: MIT
// The command line: what Debian's C xenstored takes, and what running several side by side needs.
#pragma once

#include <string>
#include <vector>

#include "engine/quota.hpp"
#include "net/server.hpp"

namespace hospes::xs {

struct Options {
    ServerOptions server;
    Quotas quotas;
    bool foreground = false;
    bool print_pid = false;
    bool keep_orphans = false;
    bool verbose = false;
    std::string pid_file;
    std::string trace_file;
    int live_update_fd = -1;
    int check_fd = -1; ///< a stream to be tried without taking over
    int event_fd = -1;
    std::vector<std::string> arguments; ///< as given, without those of a live update
};

/// Exits the process for --help, --version and mistakes.
Options parse_options(int argc, char** argv);

} // namespace hospes::xs
