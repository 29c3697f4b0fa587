// SPDX-License-Identifier: MIT
// A split device: the nodes of its two ends, the handshake with its backend, and the host side
// ("hotplug") done natively.
#pragma once

#include "libxl/core/host.hpp"
#include "libxl/types/domain_config.hpp"

namespace hospes::xl {

/// xenbus states (xen/io/xenbus.h).
enum class BusState {
    unknown = 0,
    initialising = 1,
    init_wait = 2,
    initialised = 3,
    connected = 4,
    closing = 5,
    closed = 6
};

struct Device {
    std::string kind; ///< "vbd", "vif"
    xc::DomId guest = 0, backend_domain = 0;
    unsigned devid = 0;
    std::vector<std::pair<std::string, std::string>> frontend, backend;
    [[nodiscard]] std::string backend_path() const;
    [[nodiscard]] std::string frontend_path() const;
};

Device describe_disk(const DeviceDisk& disk, xc::DomId guest);
Device describe_nic(const DeviceNic& nic, xc::DomId guest);
/// Both ends with their permissions, and libxl's own record of the device.
void write_nodes(xs::Batch& out, const Device& device);

/// Waits until every backend has reached InitWait; the error names the first that has not.
Status wait_backends(Host& host, const std::vector<Device>& devices, int timeout_ms);

/// Host side of a disk: a block device is named to the backend, a raw file gets a loop device
/// first.
Status plug_disk(Host& host, const Device& device, const DeviceDisk& disk);
/// Host side of a vif: its interface joins the bridge and comes up.
Status plug_nic(Host& host, const Device& device, const DeviceNic& nic);

/// Asks the backends of a dead domain to close, waits a little, and takes back what was plugged.
Status unplug_all(Host& host, xc::DomId guest, int timeout_ms);

} // namespace hospes::xl
