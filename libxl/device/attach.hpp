// SPDX-License-Identifier: MIT
// Devices of a domain that runs: adding, listing, taking away. Adding and removing keep the domain's record
// (domain/record.hpp) in step, so that a reboot brings the same devices back.
#pragma once

#include "libxl/core/wait.hpp"
#include "libxl/device/device.hpp"

namespace hospes::xl {

struct AttachOptions {
    int timeout_ms = 10000; ///< for the backend to take the device
    const Cancel* cancel = nullptr;
};

/// Each gives the device a free id when it has none, fills in what is not given (MAC address...), plugs it and
/// waits until its backend is ready for the guest. What fails is taken back. The answer is the device with
/// everything filled in. EEXIST when the id or virtual device is in use, ESRCH without such a domain, EOPNOTSUPP for
/// a channel or vfb: QEMU makes those when it starts.
Result<DeviceDisk> attach_disk(Host& host, xc::DomId domain, DeviceDisk disk, const AttachOptions& options = {});
Result<DeviceNic> attach_nic(Host& host, xc::DomId domain, DeviceNic nic, const AttachOptions& options = {});
Result<DeviceChannel> attach_channel(Host& host, xc::DomId domain, DeviceChannel channel,
                                     const AttachOptions& options = {});
Result<DeviceVfb> attach_vfb(Host& host, xc::DomId domain, DeviceVfb vfb, const AttachOptions& options = {});
Result<DeviceVkb> attach_vkb(Host& host, xc::DomId domain, DeviceVkb vkb, const AttachOptions& options = {});
Result<DeviceP9> attach_p9(Host& host, xc::DomId domain, DeviceP9 p9, const AttachOptions& options = {});

struct DetachOptions {
    /// Do not wait for the guest to let go; take the backend away from under it.
    bool force = false;
    /// For the guest to close its end. After that the answer is ETIMEDOUT and the device stays, unless `force`.
    int timeout_ms = 10000;
    const Cancel* cancel = nullptr;
};
/// `kind` as in AttachedDevice. ENOENT when there is no such device.
Status detach_device(Host& host, xc::DomId domain, std::string_view kind, unsigned devid,
                     const DetachOptions& options = {});

/// A device as the store shows it. Numbers that a node does not give (yet) are -1, texts are empty.
struct AttachedDevice {
    std::string kind; ///< "vbd", "vif", "console" (0 is the primary one, others are channels), "vfb", "vkbd", "9pfs"
    unsigned devid = 0;
    xc::DomId backend_domain = 0;
    std::string frontend_path, backend_path;
    int state = -1; ///< xenbus state of the guest's end
    int event_channel = -1;
    int ring_ref = -1;                                 ///< vbd, console
    int tx_ring_ref = -1, rx_ring_ref = -1;            ///< vif
    std::string mac, bridge, ip;                       ///< vif
    std::string params, type, mode, device_type, vdev; ///< vbd, from the backend: what is opened, phy or qdisk, r or w,
                                                       ///< disk or cdrom, "xvda"
    std::string name, connection, path, tty;           ///< channel
    std::string tag, security_model;                   ///< 9pfs
};
/// All devices of one kind (empty: of every kind), in the order of their ids.
Result<std::vector<AttachedDevice>> list_devices(Host& host, xc::DomId domain, std::string_view kind = {});
/// What the user may call a disk: "xvda", "51712", or the number in hexadecimal; a vif: its id or its MAC address.
Result<AttachedDevice> find_device(Host& host, xc::DomId domain, std::string_view kind, std::string_view what);

} // namespace hospes::xl
