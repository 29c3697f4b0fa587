// SPDX-License-Identifier: MIT
#include "net/log.hpp"

#include <cerrno>
#include <cstdio>
#include <ctime>

#include <syslog.h>

namespace hospes::xs::log {
namespace {

To target = To::Stderr;
std::FILE* trace_file = nullptr;
bool trace_wanted = true;
bool details_wanted = false;

void put(int priority, const char* word, std::string_view text) {
    const int n = static_cast<int>(text.size());
    if (target == To::Syslog)
        ::syslog(priority, "%.*s", n, text.data());
    else
        std::fprintf(stderr, "xenstored: %s%.*s\n", word, n, text.data());
}

} // namespace

void open(To where) {
    target = where;
    if (where == To::Syslog) ::openlog("xenstored", LOG_PID, LOG_DAEMON);
}
void info(std::string_view text) { put(LOG_INFO, "", text); }
void warn(std::string_view text) { put(LOG_WARNING, "warning: ", text); }
void verbose(bool on) { details_wanted = on; }
void detail(std::string_view text) {
    if (details_wanted) info(text);
}

int trace_to(const char* file) {
    std::FILE* f = std::fopen(file, "ae");
    if (!f) return errno;
    if (trace_file) std::fclose(trace_file);
    trace_file = f;
    std::setvbuf(f, nullptr, _IOLBF, 0);
    return 0;
}
void trace_on(bool on) { trace_wanted = on; }
bool tracing() { return trace_file && trace_wanted; }
void trace(std::string_view line) {
    char when[32];
    const std::time_t now = std::time(nullptr);
    std::tm parts{};
    ::localtime_r(&now, &parts);
    std::strftime(when, sizeof when, "%Y%m%d %H:%M:%S", &parts);
    std::fprintf(trace_file, "%s %.*s\n", when, static_cast<int>(line.size()), line.data());
}

} // namespace hospes::xs::log
