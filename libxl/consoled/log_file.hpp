// SPDX-License-Identifier: MIT
// A console's log: rotated by size (NAME, NAME.1, NAME.2 ...), with or without time stamps.
#pragma once

#include <string>
#include <string_view>

namespace hospes::xl::consoled {

struct LogPolicy {
    std::size_t max_bytes = std::size_t{4} << 20;
    unsigned keep = 3; ///< old files
    bool timestamps = false;
};

class LogFile {
  public:
    LogFile(std::string path, LogPolicy policy);
    LogFile(const LogFile&) = delete;
    LogFile& operator=(const LogFile&) = delete;
    ~LogFile();

    void write(std::string_view text);
    /// After somebody else moved the file away (SIGHUP).
    void reopen();
    bool ok() const { return fd_ >= 0; }
    const std::string& path() const { return path_; }

  private:
    void open();
    void rotate();
    void put(std::string_view bytes);

    std::string path_;
    LogPolicy policy_;
    int fd_ = -1;
    std::size_t size_ = 0;
    bool line_start_ = true;
};

} // namespace hospes::xl::consoled
