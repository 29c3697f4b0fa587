// SPDX-License-Identifier: MIT
#include "libxl/types/defaults.hpp"

#include <algorithm>

namespace hospes::xl {
namespace {

/// Gives every device without a number the lowest free one, in order.
template <typename Devices> void number_devices(Devices& devices) {
    for (auto& device : devices) {
        if (!device.devid.is_default()) continue;
        const auto taken = [&](int number) {
            return std::any_of(devices.begin(), devices.end(), [&](const auto& d) { return d.devid == number; });
        };
        int number = 0;
        while (taken(number))
            ++number;
        device.devid = number;
    }
}

} // namespace

void apply_defaults(DomainConfig& config) {
    BuildInfo& b = config.b_info;
    if (b.max_vcpus == 0) b.max_vcpus = 1;
    if (b.avail_vcpus.empty()) b.avail_vcpus.set(0);
    if (b.max_memkb.is_default()) b.max_memkb = b.target_memkb.is_default() ? MemKb(32 * 1024) : b.target_memkb;
    if (b.target_memkb.is_default()) b.target_memkb = b.max_memkb;
    for (DeviceNic& nic : config.nics)
        if (nic.bridge.empty()) nic.bridge = "xenbr0";
    number_devices(config.nics);
    number_devices(config.vfbs);
    number_devices(config.vkbs);
    number_devices(config.vtpms);
    number_devices(config.p9s);
    number_devices(config.pvcallsifs);
    number_devices(config.vdispls);
    number_devices(config.vsnds);
    number_devices(config.channels);
    number_devices(config.usbctrls);
}

} // namespace hospes::xl
