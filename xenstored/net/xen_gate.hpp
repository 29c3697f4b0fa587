// SPDX-License-Identifier: MIT
// What the daemon needs of the hypervisor, so that tests can stand in for it.
#pragma once

#include <cstdint>
#include <memory>
#include <span>

#include "proto/message.hpp"

namespace hospes::xs {

/// A mapped ring page; unmapped when destroyed.
class RingPage {
  public:
    virtual ~RingPage() = default;
    virtual xenstore_domain_interface& interface() = 0;
};

class XenGate {
  public:
    virtual ~XenGate() = default;
    /// Maps a domain's store ring: grant reference 1, or the frame itself where that fails.
    virtual std::unique_ptr<RingPage> map_ring(Domid domid, std::uint64_t gfn, int& error) = 0;
    /// The control domain's own ring and its event channel, from /proc/xen. Null if there is none.
    virtual std::unique_ptr<RingPage> map_own_ring(std::uint32_t& port, int& error) = 0;
    /// Local port number, or 0 and `error`.
    virtual std::uint32_t bind(Domid domid, std::uint32_t remote_port, int& error) = 0;
    virtual std::uint32_t bind_domain_exception(int& error) = 0;
    virtual void unbind(std::uint32_t port) = 0;
    virtual void notify(std::uint32_t port) = 0;
    virtual void unmask(std::uint32_t port) = 0;
    virtual std::size_t pending(std::span<std::uint32_t> ports) = 0;
    virtual int event_fd() const = 0;

    struct Status {
        bool known; ///< false: the hypervisor could not be asked
        bool exists;
        bool shut_down;
    };
    virtual Status status(Domid domid) = 0;
};

/// The running kernel's devices. `inherited_event_fd` from a live update, or -1. Null with a
/// message in `why` if this is not a Xen control domain.
std::unique_ptr<XenGate> open_xen_gate(int inherited_event_fd, std::string& why);

} // namespace hospes::xs
