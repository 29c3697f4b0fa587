// SPDX-License-Identifier: MIT
#include "libxl/hotplug/netlink.hpp"

#include <ifaddrs.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace hospes::xl {
namespace {

template <typename Body> std::string start(std::uint16_t type, std::uint16_t flags, const Body& body) {
    nlmsghdr header{};
    header.nlmsg_type = type;
    header.nlmsg_flags = static_cast<std::uint16_t>(NLM_F_REQUEST | NLM_F_ACK | flags);
    std::string message(NLMSG_LENGTH(sizeof(Body)), '\0');
    std::memcpy(message.data(), &header, sizeof(header));
    std::memcpy(message.data() + NLMSG_HDRLEN, &body, sizeof(body));
    return message;
}

void add(std::string& message, std::uint16_t type, const void* data, std::size_t bytes) {
    rtattr attribute{static_cast<std::uint16_t>(RTA_LENGTH(bytes)), type};
    const std::size_t at = message.size();
    message.resize(at + RTA_SPACE(bytes), '\0');
    std::memcpy(message.data() + at, &attribute, sizeof(attribute));
    std::memcpy(message.data() + at + RTA_LENGTH(0), data, bytes);
}
template <typename T> void add(std::string& message, std::uint16_t type, const T& value) {
    add(message, type, &value, sizeof(value));
}

int open_socket(unsigned groups) {
    const int fd = ::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
    sockaddr_nl address{};
    address.nl_family = AF_NETLINK;
    address.nl_groups = groups;
    if (fd >= 0 && ::bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof(address)) < 0) {
        const int failure = errno;
        ::close(fd);
        errno = failure;
        return -1;
    }
    return fd;
}

} // namespace

Result<Netlink> Netlink::open() {
    const int fd = open_socket(0), events = fd < 0 ? -1 : open_socket(RTMGRP_LINK);
    if (events < 0) {
        const int failure = errno;
        if (fd >= 0) ::close(fd);
        return error("talk to the kernel about interfaces", failure);
    }
    return Netlink(fd, events);
}

Netlink::~Netlink() {
    if (fd_ >= 0) ::close(fd_);
    if (events_ >= 0) ::close(events_);
}

Status Netlink::request(std::string& message) const {
    const auto length = static_cast<std::uint32_t>(message.size());
    std::memcpy(message.data(), &length, sizeof(length)); // nlmsg_len is the first word
    if (::send(fd_, message.data(), message.size(), 0) < 0) return error("", errno);
    alignas(nlmsghdr) char answer[4096];
    for (;;) {
        const ssize_t got = ::recv(fd_, answer, sizeof(answer), 0);
        if (got < 0 && errno == EINTR) continue;
        if (got < static_cast<ssize_t>(NLMSG_LENGTH(sizeof(int)))) return error("", got < 0 ? errno : EPROTO);
        nlmsghdr header;
        std::memcpy(&header, answer, sizeof(header));
        if (header.nlmsg_type != NLMSG_ERROR) continue;
        int code = 0; // nlmsgerr's first member
        std::memcpy(&code, answer + NLMSG_HDRLEN, sizeof(code));
        return code ? Status(error("", -code)) : Status();
    }
}

Result<unsigned> Netlink::wait_link(const std::string& name, Clock::time_point deadline, const Cancel* cancel) const {
    for (;;) {
        if (const unsigned index = if_nametoindex(name.c_str())) return index;
        if (cancel) HOSPES_TRY(cancel->check());
        const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - Clock::now()).count();
        if (left <= 0) return error("wait for interface " + name, ETIMEDOUT, {}, "is module xen-netback loaded?");
        pollfd waiting[2] = {{events_, POLLIN, 0}, {cancel ? cancel->fd() : -1, POLLIN, 0}};
        ::poll(waiting, 2, static_cast<int>(std::min<long>(left, 3600000)));
        char event[8192];
        while (::recv(events_, event, sizeof(event), MSG_DONTWAIT) > 0)
            ; // whatever it says, look again
    }
}

Status Netlink::change(unsigned index, const LinkChange& change) const {
    ifinfomsg body{};
    body.ifi_family = AF_UNSPEC;
    body.ifi_index = static_cast<int>(index);
    if (change.up) {
        body.ifi_flags = *change.up ? static_cast<unsigned>(IFF_UP) : 0U;
        body.ifi_change = IFF_UP;
    }
    std::string message = start(RTM_SETLINK, 0, body);
    if (change.name) add(message, IFLA_IFNAME, change.name->c_str(), change.name->size() + 1);
    if (change.address) add(message, IFLA_ADDRESS, *change.address);
    if (change.mtu) add(message, IFLA_MTU, *change.mtu);
    if (change.master) add(message, IFLA_MASTER, static_cast<std::uint32_t>(*change.master));
    return request(message);
}

Status Netlink::add_address(unsigned index, std::uint32_t address) const {
    ifaddrmsg body{};
    body.ifa_family = AF_INET;
    body.ifa_prefixlen = 32;
    body.ifa_index = index;
    std::string message = start(RTM_NEWADDR, NLM_F_CREATE | NLM_F_REPLACE, body);
    add(message, IFA_LOCAL, htonl(address));
    add(message, IFA_ADDRESS, htonl(address));
    return request(message);
}

Status Netlink::add_route(unsigned index, std::uint32_t network, unsigned prefix, std::uint32_t source) const {
    rtmsg body{};
    body.rtm_family = AF_INET;
    body.rtm_dst_len = static_cast<unsigned char>(prefix);
    body.rtm_table = RT_TABLE_MAIN;
    body.rtm_protocol = RTPROT_STATIC;
    body.rtm_scope = RT_SCOPE_LINK;
    body.rtm_type = RTN_UNICAST;
    std::string message = start(RTM_NEWROUTE, NLM_F_CREATE | NLM_F_REPLACE, body);
    add(message, RTA_DST, htonl(network));
    add(message, RTA_OIF, static_cast<std::uint32_t>(index));
    if (source) add(message, RTA_PREFSRC, htonl(source));
    return request(message);
}

std::uint32_t Netlink::address_of(const std::string& interface) {
    ifaddrs* list = nullptr;
    if (::getifaddrs(&list) < 0) return 0;
    std::uint32_t found = 0;
    for (const ifaddrs* at = list; at && !found; at = at->ifa_next)
        if (at->ifa_addr && at->ifa_addr->sa_family == AF_INET && interface == at->ifa_name) {
            sockaddr_in address;
            std::memcpy(&address, at->ifa_addr, sizeof(address));
            found = ntohl(address.sin_addr.s_addr);
        }
    ::freeifaddrs(list);
    return found;
}

std::optional<std::uint32_t> Netlink::mtu_of(const std::string& interface) {
    const int fd = ::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    ifreq request{};
    std::strncpy(request.ifr_name, interface.c_str(), IFNAMSIZ - 1);
    const bool got = fd >= 0 && ::ioctl(fd, SIOCGIFMTU, &request) == 0;
    if (fd >= 0) ::close(fd);
    return got ? std::optional(static_cast<std::uint32_t>(request.ifr_mtu)) : std::nullopt;
}

} // namespace hospes::xl
