// SPDX-License-Identifier: MIT
// A user's side of a guest's console: what `xl console` and `xl create -c` do. Works with our console daemon
// (over its socket) and with Debian's (over the pseudo terminal it names in the store).
#pragma once

#include <functional>
#include <string>

#include "libxl/core/host.hpp"

namespace hospes::xl::console {

struct Options {
    ConsoleType type = ConsoleType::unknown; ///< unknown: PV, or the serial port of a guest with a device model
    unsigned number = 0;
    char escape = '\x1d';    ///< ^]
    bool since_boot = false; ///< first all that was said so far
    std::string socket = "/run/xen/consoled.sock";
    int timeout_ms = 5000;         ///< for the console to be there, as in the stock tool
    int follow_ms = 60000;         ///< for a new daemon, when the one that we were attached to is gone
    std::function<Status()> ready; ///< called once, when nothing that the guest says can be missed any more
    int in = 0, out = 1;
};

enum class Ending {
    left,  ///< by the escape character, a signal, or because nobody reads what we print
    ended, ///< the guest's console is gone
};

/// Passes bytes both ways until one side ends it; a terminal is made raw meanwhile. A console daemon that is
/// started anew is followed.
Result<Ending> attach(Host& host, xc::DomId domain, const Options& options);

/// Prints what the console daemon keeps of a domain, which may be gone: by number or by name, the latest one.
Status print_history(const std::string& domain, const Options& options);

/// "^c" or one character.
std::optional<char> parse_escape(std::string_view text);

} // namespace hospes::xl::console
