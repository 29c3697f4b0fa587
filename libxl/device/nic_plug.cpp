// SPDX-License-Identifier: MIT
// The host side of a vif, without a shell: what /etc/xen/scripts/vif-bridge does, by the kernel's
// own calls.
#include <linux/if_bridge.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>

#include "libxl/device/device.hpp"

namespace hospes::xl {
namespace {

class Interface {
  public:
    explicit Interface(std::string name)
        : name_(std::move(name)), socket_(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0)) {}
    Interface(const Interface&) = delete;
    Interface& operator=(const Interface&) = delete;
    ~Interface() {
        if (socket_ >= 0) ::close(socket_);
    }

    Status rename(const std::string& to) {
        ifreq request = named(name_);
        copy_name(request.ifr_newname, to);
        HOSPES_TRY(call(SIOCSIFNAME, request, "rename " + name_ + " to " + to));
        name_ = to;
        return {};
    }
    /// The host's end gets an address that no bridge will ever take for its own.
    Status set_host_mac() {
        ifreq request = named(name_);
        request.ifr_hwaddr.sa_family = ARPHRD_ETHER;
        static constexpr unsigned char mac[6] = {0xfe, 0xff, 0xff, 0xff, 0xff, 0xff};
        std::memcpy(request.ifr_hwaddr.sa_data, mac, sizeof(mac));
        return call(SIOCSIFHWADDR, request, "set the address of " + name_);
    }
    Status set_mtu(int mtu) {
        ifreq request = named(name_);
        request.ifr_mtu = mtu;
        return call(SIOCSIFMTU, request, "set the MTU of " + name_);
    }
    Status join(const std::string& bridge) {
        ifreq request = named(bridge);
        request.ifr_ifindex = static_cast<int>(if_nametoindex(name_.c_str()));
        return call(SIOCBRADDIF, request, "put " + name_ + " on bridge " + bridge,
                    "`ip link add " + bridge + " type bridge` makes one");
    }
    Status up() {
        ifreq request = named(name_);
        HOSPES_TRY(call(SIOCGIFFLAGS, request, "find interface " + name_));
        request.ifr_flags = static_cast<short>(request.ifr_flags | IFF_UP);
        return call(SIOCSIFFLAGS, request, "bring " + name_ + " up");
    }

  private:
    static void copy_name(char (&to)[IFNAMSIZ], const std::string& from) {
        std::memset(to, 0, sizeof(to));
        std::memcpy(to, from.data(), std::min<std::size_t>(from.size(), IFNAMSIZ - 1));
    }
    static ifreq named(const std::string& name) {
        ifreq request{};
        copy_name(request.ifr_name, name);
        return request;
    }
    Status call(unsigned long operation, ifreq& request, std::string what, std::string hint = {}) const {
        if (::ioctl(socket_, operation, &request) < 0) return error(std::move(what), errno, {}, std::move(hint));
        return {};
    }

    std::string name_;
    int socket_;
};

} // namespace

Status plug_nic(Host& host, const Device& device, const DeviceNic& nic) {
    xs::Client* const store = HOSPES_TRY(host.store());
    Interface vif("vif" + std::to_string(device.guest) + "." + std::to_string(device.devid));
    if (!nic.ifname.empty()) HOSPES_TRY(vif.rename(nic.ifname));
    HOSPES_TRY(vif.set_host_mac());
    if (nic.mtu) HOSPES_TRY(vif.set_mtu(nic.mtu));
    if (!nic.bridge.empty()) HOSPES_TRY(vif.join(nic.bridge));
    HOSPES_TRY(vif.up());
    return store->write(device.backend_path() + "/hotplug-status", "connected");
}

} // namespace hospes::xl
