// SPDX-License-Identifier: MIT
// The disk specification strings of xl-disk-configuration(5) and the vif ones of
// xl-network-configuration(5).
#pragma once

#include <string_view>

#include "libxl/types/devices.hpp"
#include "xc/result.hpp"

namespace hospes::xl {

/// "TARGET,[FORMAT],[VDEV],[ACCESS]", "key=value,..." and the old "phy:/file:/tap:" prefixes.
Result<DeviceDisk> parse_disk(std::string_view spec);
/// "mac=..,bridge=..,model=..,rate=10Mb/s@50ms,...". `default_*` come from xl.conf.
struct NicDefaults {
    std::string bridge = "xenbr0", script, gatewaydev;
};
Result<DeviceNic> parse_nic(std::string_view spec, const NicDefaults& defaults);

/// Block device number of a vdev name as the PV protocol carries it (xen-vbd-interface(7)); nullopt
/// when malformed.
std::optional<std::uint32_t> vdev_number(std::string_view vdev);

} // namespace hospes::xl
