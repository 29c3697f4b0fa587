// SPDX-License-Identifier: MIT
#include "xc/pid_file.hpp"

#include <cerrno>
#include <cstdio>

#include <unistd.h>

namespace hospes::xc {

int write_pid_file(const std::string& path) {
    if (path.empty()) return 0;
    // Not a stream: those would bring a megabyte of the C++ library's locales into each daemon.
    std::FILE* const f = std::fopen(path.c_str(), "we");
    if (!f) return errno;
    std::fprintf(f, "%d\n", ::getpid());
    return std::fclose(f) == 0 ? 0 : errno; // a full disk shows here
}

} // namespace hospes::xc
