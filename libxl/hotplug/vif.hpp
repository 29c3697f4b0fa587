// SPDX-License-Identifier: MIT
// What the stock vif scripts do, by the kernel's own calls.
#pragma once

#include "libxl/hotplug/hotplug.hpp"

namespace hospes::xl {

/// One "ip=" item: an IPv4 address or network. Others (IPv6) are nullopt.
struct Ipv4Network {
    std::uint32_t address = 0; ///< host byte order
    unsigned prefix = 32;
};
std::optional<Ipv4Network> parse_ipv4(std::string_view text);

/// The file name of a script without directory.
std::string_view script_name(std::string_view script);

/// The ovs-vsctl call that puts an interface on an Open vSwitch bridge. `bridge` is "NAME[.TAG][:TRUNK...]", as
/// vif-openvswitch takes it.
std::vector<std::string> ovs_add_port(const VifPort& port, const std::string& bridge, const Mac& mac);

Status plug_vif(VifPort& port, const DeviceNic& nic, Clock::time_point deadline, const Cancel* cancel);
void unplug_vif(const std::string& interface, const std::string& script);

} // namespace hospes::xl
