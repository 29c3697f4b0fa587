// SPDX-License-Identifier: MIT
#include "libxl/hotplug/vif.hpp"

#include <fcntl.h>
#include <net/if.h>
#include <unistd.h>

#include <cerrno>

#include "libxl/core/process.hpp"
#include "libxl/device/spec_text.hpp"
#include "libxl/hotplug/netlink.hpp"

namespace hospes::xl {
namespace {

/// The host's end gets an address that no bridge will ever take for its own.
constexpr std::array<std::uint8_t, 6> host_mac = {0xfe, 0xff, 0xff, 0xff, 0xff, 0xff};

Status within(Status status, std::string stage, std::string hint = {}) {
    if (status) return status;
    Error problem = std::move(status).problem().within(std::move(stage));
    if (problem.hint.empty()) problem.hint = std::move(hint);
    return problem;
}

Status bridge_port(const Netlink& link, unsigned index, VifPort& port, const DeviceNic& nic) {
    LinkChange change;
    change.address = host_mac;
    change.up = true;
    if (!nic.bridge.empty()) {
        const unsigned bridge = if_nametoindex(nic.bridge.c_str());
        if (!bridge)
            return error("put " + port.interface + " on bridge " + nic.bridge, ENODEV, "there is no such bridge",
                         "`ip link add " + nic.bridge + " type bridge` makes one; bridge= chooses another");
        change.master = bridge;
    }
    // A bridge takes the smallest MTU of its ports: one vif must not shrink it for all.
    const auto mtu = nic.mtu ? std::optional(static_cast<std::uint32_t>(nic.mtu)) : Netlink::mtu_of(nic.bridge);
    if (mtu) {
        change.mtu = mtu;
        port.mtu = static_cast<int>(*mtu);
    }
    return within(link.change(index, change), "set up " + port.interface);
}

Status route_port(const Netlink& link, unsigned index, VifPort& port, const DeviceNic& nic) {
    const std::string stage = "route to " + port.interface;
    const std::string uplink = nic.gatewaydev.empty() ? "eth0" : nic.gatewaydev;
    const std::uint32_t source = Netlink::address_of(uplink);
    LinkChange change;
    change.up = true;
    if (nic.mtu) {
        change.mtu = static_cast<std::uint32_t>(nic.mtu);
        port.mtu = nic.mtu;
    }
    HOSPES_TRY(within(link.change(index, change), stage));
    if (source) HOSPES_TRY(within(link.add_address(index, source), stage));
    const std::string proxy = "/proc/sys/net/ipv4/conf/" + port.interface + "/proxy_arp";
    const int fd = ::open(proxy.c_str(), O_WRONLY | O_CLOEXEC);
    const bool on = fd >= 0 && ::write(fd, "1", 1) == 1;
    const int failure = errno;
    if (fd >= 0) ::close(fd);
    if (!on) return error(stage, failure, "cannot write " + proxy);
    std::string_view rest(nic.ip);
    while (!rest.empty()) {
        const auto space = rest.find(' ');
        const std::string_view item = trim(rest.substr(0, space));
        rest = space == std::string_view::npos ? std::string_view() : rest.substr(space + 1);
        if (item.empty()) continue;
        const auto network = parse_ipv4(item);
        if (!network)
            return error(stage, EOPNOTSUPP, "ip=" + std::string(item) + " is not an IPv4 address or network",
                         "script= with a path runs a script of your own");
        HOSPES_TRY(within(link.add_route(index, network->address, network->prefix, source), stage));
    }
    return {};
}

/// A value as ovs-vsctl reads it.
std::string json_string(std::string_view text) {
    std::string out = "\"";
    for (const char c : text) {
        if (c == '"' || c == '\\') out += '\\';
        out += c;
    }
    return out + "\"";
}

Status switch_port(const Netlink& link, unsigned index, VifPort& port, const DeviceNic& nic, Clock::time_point deadline,
                   const Cancel* cancel) {
    const std::string stage = "put " + port.interface + " on Open vSwitch bridge " + nic.bridge;
    LinkChange change;
    change.address = host_mac;
    change.up = true;
    if (nic.mtu) {
        change.mtu = static_cast<std::uint32_t>(nic.mtu);
        port.mtu = nic.mtu;
    }
    HOSPES_TRY(within(link.change(index, change), stage));
    const auto run = run_program(ovs_add_port(port, nic.bridge, nic.mac), {}, deadline, cancel);
    if (!run) return within(run.problem(), stage, "install openvswitch-switch, or use another script=");
    if (run->status != 0) return error(stage, EIO, run->output);
    return {};
}

} // namespace

std::string_view script_name(std::string_view script) {
    const auto slash = script.rfind('/');
    return slash == std::string_view::npos ? script : script.substr(slash + 1);
}

bool is_native_vif_script(const std::string& script) {
    if (script.find('/') != std::string::npos && !script.starts_with("/etc/xen/scripts/")) return false;
    const std::string_view name = script_name(script);
    return name.empty() || name == "vif-bridge" || name == "vif-route" || name == "vif-openvswitch";
}

bool is_native_block_script(const std::string& script) {
    return script.empty() || script == "block" || script == "/etc/xen/scripts/block";
}

std::optional<Ipv4Network> parse_ipv4(std::string_view text) {
    Ipv4Network out;
    if (const auto slash = text.find('/'); slash != std::string_view::npos) {
        const auto prefix = to_number<unsigned>(text.substr(slash + 1));
        if (!prefix || *prefix > 32) return std::nullopt;
        out.prefix = *prefix;
        text = text.substr(0, slash);
    }
    for (int part = 0; part < 4; ++part) {
        const auto dot = text.find('.');
        if ((dot == std::string_view::npos) != (part == 3)) return std::nullopt;
        const std::string_view digits = text.substr(0, dot);
        const auto byte = digits.starts_with("0x") ? std::nullopt : to_number<unsigned>(digits);
        if (!byte || *byte > 255) return std::nullopt;
        out.address = out.address << 8 | *byte;
        text = part == 3 ? std::string_view() : text.substr(dot + 1);
    }
    const std::uint32_t mask = out.prefix == 0 ? 0 : ~std::uint32_t{0} << (32 - out.prefix);
    out.address &= mask;
    return out;
}

std::vector<std::string> ovs_add_port(const VifPort& port, const std::string& bridge, const Mac& mac) {
    const std::string& interface = port.interface;
    const auto colon = bridge.find(':');
    const std::string head = bridge.substr(0, colon);
    const auto dot = head.find('.');
    std::vector<std::string> call = {"ovs-vsctl", "--timeout=30", "--",       "--if-exists",       "del-port",
                                     interface,   "--",           "add-port", head.substr(0, dot), interface};
    if (dot != std::string::npos) call.push_back("tag=" + head.substr(dot + 1));
    if (colon != std::string::npos) {
        std::string trunks = bridge.substr(colon + 1);
        for (char& c : trunks)
            if (c == ':') c = ',';
        call.push_back("trunks=" + trunks);
    }
    call.insert(call.end(), {"--", "set", "interface", interface});
    // What controllers of such switches look for; as in the stock script.
    const std::pair<const char*, std::string> known[] = {
        {"xen-vm-name", port.guest_name}, {"xen-vm-uuid", port.guest_uuid}, {"attached-mac", to_string(mac)}};
    for (const auto& [key, value] : known)
        if (!value.empty()) call.push_back(std::string("external-ids:") + key + "=" + json_string(value));
    return call;
}

Status plug_vif(VifPort& port, const DeviceNic& nic, Clock::time_point deadline, const Cancel* cancel) {
    const Netlink link = HOSPES_TRY(Netlink::open());
    const unsigned index = HOSPES_TRY(link.wait_link(port.interface, deadline, cancel));
    if (!nic.ifname.empty() && nic.ifname != port.interface) {
        if (nic.ifname.size() >= IFNAMSIZ || nic.ifname.find('/') != std::string::npos)
            return error("rename " + port.interface, EINVAL, "'" + nic.ifname + "' cannot be an interface's name",
                         "vifname= has at most 15 characters");
        // Taking the name from another guest's interface would cut that one off.
        if (if_nametoindex(nic.ifname.c_str()))
            return error("rename " + port.interface + " to " + nic.ifname, EEXIST, "there is an interface of this name",
                         "choose another vifname=");
        LinkChange change;
        change.name = nic.ifname;
        HOSPES_TRY(within(link.change(index, change), "rename " + port.interface + " to " + nic.ifname));
        port.interface = nic.ifname;
    }
    const std::string_view name = script_name(nic.script);
    if (name == "vif-route") return route_port(link, index, port, nic);
    if (name == "vif-openvswitch") return switch_port(link, index, port, nic, deadline, cancel);
    return bridge_port(link, index, port, nic);
}

void unplug_vif(const std::string& interface, const std::string& script) {
    if (script_name(script) != "vif-openvswitch") return; // the rest goes with the interface
    static_cast<void>(run_program({"ovs-vsctl", "--timeout=30", "--", "--if-exists", "del-port", interface}, {},
                                  Clock::now() + std::chrono::seconds(35)));
}

} // namespace hospes::xl
