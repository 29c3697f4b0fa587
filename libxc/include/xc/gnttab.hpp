// SPDX-License-Identifier: MIT
// Shared memory between domains: pages that others granted to this one, through /dev/xen/gntdev
// (<xen/gntdev.h>), and pages of this one that it grants to others, through /dev/xen/gntalloc.
#pragma once

#include <memory>
#include <span>
#include <vector>

#include "xc/abi.hpp"
#include "xc/result.hpp"

namespace hospes::xc {

/// Granted pages in our address space, one after the other.
class GrantedPage {
  public:
    GrantedPage() = default;
    GrantedPage(GrantedPage&& other) noexcept
        : fd_(other.fd_), index_(other.index_), memory_(std::exchange(other.memory_, nullptr)), count_(other.count_) {}
    GrantedPage& operator=(GrantedPage&& other) noexcept {
        std::swap(fd_, other.fd_);
        std::swap(index_, other.index_);
        std::swap(memory_, other.memory_);
        std::swap(count_, other.count_);
        return *this;
    }
    ~GrantedPage();
    explicit operator bool() const { return memory_ != nullptr; }
    template <typename T> T* as() const { return static_cast<T*>(memory_); }
    [[nodiscard]] std::span<std::uint8_t> bytes() const {
        return {static_cast<std::uint8_t*>(memory_), count_ * page_size};
    }

  private:
    friend class GrantDevice;
    GrantedPage(int fd, std::uint64_t index, void* memory, std::uint32_t count)
        : fd_(fd), index_(index), memory_(memory), count_(count) {}
    int fd_ = -1;
    std::uint64_t index_ = 0;
    void* memory_ = nullptr;
    std::uint32_t count_ = 0;
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
    Result<GrantedPage> map(DomId domain, std::uint32_t reference) { return map(domain, {&reference, 1}, true); }
    /// All of the references, in this order, or none.
    Result<GrantedPage> map(DomId domain, std::span<const std::uint32_t> references, bool writable);

  private:
    explicit GrantDevice(int fd) : fd_(fd) {}
    int fd_ = -1;
};

/// Zeroed pages of ours that another domain may map by their references. They go back to the kernel when this object
/// is gone and the other side has unmapped them.
class SharedPages {
  public:
    static Result<SharedPages> create(DomId with, std::uint32_t count, bool writable);
    SharedPages(SharedPages&& other) noexcept
        : fd_(std::exchange(other.fd_, -1)), memory_(std::exchange(other.memory_, nullptr)),
          references_(std::move(other.references_)) {}
    SharedPages& operator=(SharedPages&&) = delete;
    ~SharedPages();
    [[nodiscard]] std::span<const std::uint32_t> references() const { return references_; }
    [[nodiscard]] std::span<std::uint8_t> bytes() const {
        return {static_cast<std::uint8_t*>(memory_), references_.size() * page_size};
    }

  private:
    explicit SharedPages(int fd) : fd_(fd) {}
    int fd_ = -1; ///< of its own: closing it gives everything back
    void* memory_ = nullptr;
    std::vector<std::uint32_t> references_;
};

} // namespace hospes::xc
