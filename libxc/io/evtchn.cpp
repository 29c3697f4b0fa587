// SPDX-License-Identifier: MIT
#include "xc/evtchn.hpp"

#include <cerrno>

#include <fcntl.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <xen/evtchn.h>

namespace hospes::xc {

Result<EventChannels> EventChannels::open() {
    const int fd = ::open("/dev/xen/evtchn", O_RDWR | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0) return error("open /dev/xen/evtchn", errno, {}, "load the module xen-evtchn, as root");
    return EventChannels(fd);
}

EventChannels::~EventChannels() {
    if (fd_ >= 0) ::close(fd_);
}

Result<std::uint32_t> EventChannels::bind(unsigned long request, void* argument, const char* stage) {
    const int port = ::ioctl(fd_, request, argument);
    if (port < 0) return error(stage, errno);
    return static_cast<std::uint32_t>(port);
}

Result<std::uint32_t> EventChannels::bind_interdomain(DomId remote, std::uint32_t remote_port) {
    ioctl_evtchn_bind_interdomain a{remote, remote_port};
    return bind(IOCTL_EVTCHN_BIND_INTERDOMAIN, &a, "bind event channel");
}

Result<std::uint32_t> EventChannels::bind_unbound(DomId remote) {
    ioctl_evtchn_bind_unbound_port a{remote};
    return bind(IOCTL_EVTCHN_BIND_UNBOUND_PORT, &a, "allocate event channel");
}

Result<std::uint32_t> EventChannels::bind_virq(unsigned virq) {
    ioctl_evtchn_bind_virq a{virq};
    return bind(IOCTL_EVTCHN_BIND_VIRQ, &a, "bind virtual interrupt");
}

void EventChannels::unbind(std::uint32_t port) {
    ioctl_evtchn_unbind a{port};
    ::ioctl(fd_, IOCTL_EVTCHN_UNBIND, &a);
}

void EventChannels::notify(std::uint32_t port) {
    ioctl_evtchn_notify a{port};
    ::ioctl(fd_, IOCTL_EVTCHN_NOTIFY, &a);
}

std::size_t EventChannels::pending(std::span<std::uint32_t> ports) {
    const ssize_t n = ::read(fd_, ports.data(), ports.size_bytes());
    return n <= 0 ? 0 : static_cast<std::size_t>(n) / sizeof(std::uint32_t);
}

void EventChannels::unmask(std::uint32_t port) { [[maybe_unused]] const ssize_t n = ::write(fd_, &port, sizeof port); }

} // namespace hospes::xc
