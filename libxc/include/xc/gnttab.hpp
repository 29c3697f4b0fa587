// SPDX-License-Identifier: MIT
// Pages that other domains granted to this one, through /dev/xen/gntdev (<xen/gntdev.h>).
#pragma once

#include <memory>

#include "xc/abi.hpp"
#include "xc/result.hpp"

namespace hospes::xc {

class GrantDevice;

/// One granted page in our address space.
class GrantedPage {
  public:
    GrantedPage() = default;
    GrantedPage(GrantedPage&& other) noexcept
        : fd_(other.fd_), index_(other.index_), memory_(std::exchange(other.memory_, nullptr)) {}
    GrantedPage& operator=(GrantedPage&& other) noexcept {
        std::swap(fd_, other.fd_);
        std::swap(index_, other.index_);
        std::swap(memory_, other.memory_);
        return *this;
    }
    ~GrantedPage();
    explicit operator bool() const { return memory_ != nullptr; }
    template <typename T> T* as() const { return static_cast<T*>(memory_); }

  private:
    friend class GrantDevice;
    GrantedPage(int fd, std::uint64_t index, void* memory) : fd_(fd), index_(index), memory_(memory) {}
    int fd_ = -1;
    std::uint64_t index_ = 0;
    void* memory_ = nullptr;
};

class GrantDevice {
  public:
    static Result<GrantDevice> open();
    GrantDevice(GrantDevice&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
    GrantDevice& operator=(GrantDevice&& other) noexcept {
        std::swap(fd_, other.fd_);
        return *this;
    }
    ~GrantDevice();
    /// Must outlive the page.
    Result<GrantedPage> map(DomId domain, std::uint32_t reference);

  private:
    explicit GrantDevice(int fd) : fd_(fd) {}
    int fd_ = -1;
};

} // namespace hospes::xc
