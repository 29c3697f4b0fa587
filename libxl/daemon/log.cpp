// SPDX-License-Identifier: MIT
#include "libxl/daemon/log.hpp"

#include <cstdio>
#include <ctime>

#include <fcntl.h>
#include <syslog.h>
#include <unistd.h>

namespace hospes::xl::daemon::log {
namespace {

std::string program = "daemon", file_name; // syslog keeps a pointer to the name
bool terminal = true;

void put(int priority, std::string_view text) {
    if (terminal) std::fprintf(stderr, "%s: %.*s\n", program.c_str(), static_cast<int>(text.size()), text.data());
    if (file_name.empty()) return;
    ::syslog(priority, "%.*s", static_cast<int>(text.size()), text.data());
    // Opened for each line, of which there are few: whoever moves the file away need not tell us.
    const int fd = ::open(file_name.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0644);
    if (fd < 0) return;
    append_line(fd, text);
    ::close(fd);
}

} // namespace

void open(const std::string& name, const std::string& file) {
    program = name;
    file_name = file;
    if (!file.empty()) ::openlog(program.c_str(), LOG_PID, LOG_DAEMON);
}
void no_terminal() { terminal = false; }
void info(std::string_view text) { put(LOG_INFO, text); }
void warn(std::string_view text) { put(LOG_WARNING, text); }

void append_line(int fd, std::string_view line) {
    const std::time_t now = std::time(nullptr);
    std::tm parts{};
    char stamp[32];
    std::strftime(stamp, sizeof(stamp), "%Y-%m-%d %H:%M:%SZ ", ::gmtime_r(&now, &parts));
    const std::string text = std::string(stamp).append(line).append("\n");
    [[maybe_unused]] const ssize_t put = ::write(fd, text.data(), text.size());
}

} // namespace hospes::xl::daemon::log
