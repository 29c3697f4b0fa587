// SPDX-License-Identifier: MIT
#include "libxl/consoled/log_file.hpp"

#include <cerrno>
#include <ctime>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace hospes::xl::consoled {

LogFile::LogFile(std::string path, LogPolicy policy) : path_(std::move(path)), policy_(policy) { open(); }

LogFile::~LogFile() {
    if (fd_ >= 0) ::close(fd_);
}

void LogFile::open() {
    fd_ = ::open(path_.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0644);
    struct stat st {};
    size_ = fd_ >= 0 && ::fstat(fd_, &st) == 0 ? static_cast<std::size_t>(st.st_size) : 0;
}

void LogFile::reopen() {
    if (fd_ >= 0) ::close(fd_);
    open();
}

void LogFile::rotate() {
    for (unsigned i = policy_.keep; i > 0; --i) {
        const std::string from = i == 1 ? path_ : path_ + "." + std::to_string(i - 1);
        ::rename(from.c_str(), (path_ + "." + std::to_string(i)).c_str());
    }
    if (policy_.keep == 0) ::unlink(path_.c_str());
    reopen();
}

void LogFile::put(std::string_view bytes) {
    while (!bytes.empty()) {
        const ssize_t n = ::write(fd_, bytes.data(), bytes.size());
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) return; // a full disk costs log lines, not consoles
        size_ += static_cast<std::size_t>(n);
        bytes.remove_prefix(static_cast<std::size_t>(n));
    }
}

void LogFile::write(std::string_view text) {
    if (fd_ < 0 || text.empty()) return;
    if (size_ >= policy_.max_bytes && line_start_) rotate();
    // Whoever writes endless lines gets them cut rather than a log without bound.
    else if (size_ >= 2 * policy_.max_bytes)
        rotate();
    if (fd_ < 0) return;
    std::string stamped;
    if (policy_.timestamps) {
        char when[32];
        const std::time_t now = std::time(nullptr);
        std::tm parts{};
        ::localtime_r(&now, &parts);
        std::strftime(when, sizeof when, "[%Y-%m-%d %H:%M:%S] ", &parts);
        for (const char c : text) {
            if (line_start_) stamped += when;
            stamped += c;
            line_start_ = c == '\n';
        }
        text = stamped;
    }
    line_start_ = text.back() == '\n';
    put(text);
}

} // namespace hospes::xl::consoled
