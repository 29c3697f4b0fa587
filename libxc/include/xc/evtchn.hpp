// SPDX-License-Identifier: MIT
// Event channels of this domain through /dev/xen/evtchn (kernel header <xen/evtchn.h>).
#pragma once

#include <cstdint>
#include <span>

#include "xc/abi.hpp"
#include "xc/result.hpp"

namespace hospes::xc {

class EventChannels {
  public:
    static Result<EventChannels> open();
    /// Takes over a descriptor that was inherited; its ports are still bound.
    explicit EventChannels(int fd) : fd_(fd) {}
    EventChannels(EventChannels&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
    EventChannels& operator=(EventChannels&& other) noexcept {
        std::swap(fd_, other.fd_);
        return *this;
    }
    ~EventChannels();

    [[nodiscard]] int fd() const { return fd_; }
    Result<std::uint32_t> bind_interdomain(DomId remote, std::uint32_t remote_port);
    Result<std::uint32_t> bind_unbound(DomId remote);
    Result<std::uint32_t> bind_virq(unsigned virq);
    void unbind(std::uint32_t port);
    void notify(std::uint32_t port);
    /// Pending ports, each masked until unmask(); 0 if there are none (non-blocking descriptor).
    std::size_t pending(std::span<std::uint32_t> ports);
    void unmask(std::uint32_t port);

  private:
    Result<std::uint32_t> bind(unsigned long request, void* argument, const char* stage);
    int fd_ = -1;
};

} // namespace hospes::xc
