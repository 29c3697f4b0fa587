// SPDX-License-Identifier: MIT
#include "libxl/core/locks.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <string>

namespace hospes::xl {

ProcessLock::ProcessLock(long byte) {
    const char* const chosen = std::getenv("HOSPES_STATE_DIR"); // tests have their own
    const std::string file = chosen ? std::string(chosen) + "/locks" : "/run/lock/hospes-domains";
    fd_ = ::open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    struct flock lock {};
    lock.l_type = F_WRLCK;
    lock.l_whence = SEEK_SET;
    lock.l_start = byte;
    lock.l_len = 1;
    // Of the open file, not of the process: two of one process exclude each other as well.
    while (fd_ >= 0 && ::fcntl(fd_, F_OFD_SETLKW, &lock) < 0 && errno == EINTR)
        ;
}

ProcessLock::~ProcessLock() {
    if (fd_ >= 0) ::close(fd_);
}

} // namespace hospes::xl
