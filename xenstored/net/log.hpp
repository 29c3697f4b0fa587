// SPDX-License-Identifier: MIT
#pragma once

#include <string_view>

namespace hospes::xs::log {

enum class To { Stderr, Syslog };
void open(To where);
void info(std::string_view text);
void warn(std::string_view text);
void verbose(bool on);
void detail(std::string_view text); ///< said only when verbose

/// The trace of requests, off until a file is named. An errno value.
int trace_to(const char* file);
void trace_on(bool on);
bool tracing();
void trace(std::string_view line);

} // namespace hospes::xs::log
