// SPDX-License-Identifier: MIT
// What a daemon has to say: on its terminal (or systemd's journal) while it has one, afterwards to syslog, as Xen's
// daemons do, and to a file, since not every dom0 runs a syslog.
#pragma once

#include <string>
#include <string_view>

namespace hospes::xl::daemon::log {

/// `file` empty: the terminal alone.
void open(const std::string& name, const std::string& file);
/// From here on nobody reads stderr.
void no_terminal();
void info(std::string_view text);
void warn(std::string_view text);

/// Appends a line with the time in front, in one write.
void append_line(int fd, std::string_view line);

} // namespace hospes::xl::daemon::log
