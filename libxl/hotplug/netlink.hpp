// SPDX-License-Identifier: MIT
// The little of rtnetlink(7) that a vif needs.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>

#include "libxl/core/wait.hpp"

namespace hospes::xl {

/// What to make of an interface; one request, in the order the kernel applies it.
struct LinkChange {
    std::optional<std::string> name;
    std::optional<std::array<std::uint8_t, 6>> address;
    std::optional<std::uint32_t> mtu;
    std::optional<unsigned> master; ///< index of a bridge; 0: none
    std::optional<bool> up;
};

class Netlink {
  public:
    static Result<Netlink> open();
    Netlink(Netlink&& other) noexcept : fd_(std::exchange(other.fd_, -1)), events_(std::exchange(other.events_, -1)) {}
    Netlink& operator=(Netlink&&) = delete;
    ~Netlink();

    /// The interface's index, once it exists. ETIMEDOUT, ECANCELED.
    Result<unsigned> wait_link(const std::string& name, Clock::time_point deadline, const Cancel* cancel) const;
    Status change(unsigned index, const LinkChange& change) const;
    /// An IPv4 address (/32) of the interface itself.
    Status add_address(unsigned index, std::uint32_t address) const;
    /// A host or network route (IPv4, host byte order) through the interface.
    Status add_route(unsigned index, std::uint32_t network, unsigned prefix, std::uint32_t source) const;
    /// The first IPv4 address of an interface, in host byte order; 0 when it has none.
    static std::uint32_t address_of(const std::string& interface);
    static std::optional<std::uint32_t> mtu_of(const std::string& interface);

  private:
    Netlink(int fd, int events) : fd_(fd), events_(events) {}
    Status request(std::string& message) const;
    int fd_;
    int events_; ///< told of every new interface since it was opened
};

} // namespace hospes::xl
