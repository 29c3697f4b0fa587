// SPDX-License-Identifier: MIT
#include "libxl/core/identity.hpp"

#include <fcntl.h>
#include <unistd.h>

#include "libxl/device/spec_text.hpp"

namespace hospes::xl {

std::string process_identity(pid_t pid) {
    const int fd = ::open(("/proc/" + std::to_string(pid) + "/stat").c_str(), O_RDONLY | O_CLOEXEC);
    if (fd < 0) return {};
    char buffer[1024];
    const ssize_t got = ::read(fd, buffer, sizeof(buffer));
    ::close(fd);
    if (got <= 0) return {};
    // The name is in parentheses and may hold anything: count fields after its end. State is the third.
    std::string_view text(buffer, static_cast<std::size_t>(got));
    const auto end = text.rfind(')');
    if (end == std::string_view::npos || end + 2 >= text.size()) return {};
    text.remove_prefix(end + 2);
    if (text[0] == 'Z' || text[0] == 'X') return {};
    for (int field = 3; field < 22; ++field) {
        const auto space = text.find(' ');
        if (space == std::string_view::npos) return {};
        text.remove_prefix(space + 1);
    }
    return std::to_string(pid) + " " + std::string(text.substr(0, text.find(' ')));
}

std::string process_identity() { return process_identity(::getpid()); }

pid_t process_number(std::string_view identity) {
    return to_number<pid_t>(identity.substr(0, identity.find(' '))).value_or(0);
}

bool process_lives(std::string_view identity) {
    const pid_t pid = process_number(identity);
    if (pid <= 0) return false;
    const std::string now = process_identity(pid);
    // An identity may be followed by more words.
    return !now.empty() && identity.starts_with(now) && (identity.size() == now.size() || identity[now.size()] == ' ');
}

} // namespace hospes::xl
