// SPDX-License-Identifier: MIT
// Locks between the toolstack's processes; the kernel takes them back from a process that dies.
#pragma once

#include <utility>

#include "xc/abi.hpp"

namespace hospes::xl {

class ProcessLock {
  public:
    /// Whoever ends a domain or gives it its name holds this.
    static ProcessLock domain(xc::DomId domain) { return ProcessLock(domain); }
    /// From the look at all names until the new one is in the store.
    static ProcessLock names() { return ProcessLock(0x10000); }
    ProcessLock(ProcessLock&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
    ProcessLock& operator=(ProcessLock&&) = delete;
    ~ProcessLock();

  private:
    /// Locks one byte of the lock file. A host where that file cannot be made works without.
    explicit ProcessLock(long byte);
    int fd_ = -1;
};

} // namespace hospes::xl
