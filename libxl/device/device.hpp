// SPDX-License-Identifier: MIT
// A split device as data: the nodes of its two ends and libxl's own record of it. Pure, so that tests compare whole
// trees. Plugging is attachment.hpp, taking away unplug.hpp.
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
BusState read_state(xs::Client& store, const std::string& end);
/// Empty when there is no such node, or it is not for us.
std::string read_leaf(xs::Client& store, const std::string& device, const char* name);

struct Device {
    using Leaves = std::vector<std::pair<std::string, std::string>>;
    std::string kind; ///< "vbd", "vif", "vfb", "vkbd", "9pfs", "console" (a channel)
    xc::DomId guest = 0, backend_domain = 0;
    unsigned devid = 0;
    Leaves frontend, backend;
    std::string backend_kind = kind; ///< "qdisk" for a disk that QEMU serves
    [[nodiscard]] std::string backend_path() const;
    [[nodiscard]] std::string frontend_path() const;
    [[nodiscard]] std::string record_path() const;
    /// A driver of the backend domain's kernel serves it.
    [[nodiscard]] bool kernel_backend() const { return backend_kind == "vbd" || backend_kind == "vif"; }
    /// The guest's own QEMU does. (The first console is the console daemon's.)
    [[nodiscard]] bool model_backend() const {
        return backend_domain == 0 && !kernel_backend() && (kind != "console" || devid != 0);
    }
    /// A QEMU in another domain does, which `xl devd` starts there.
    [[nodiscard]] bool remote_model() const { return backend_domain != 0 && backend_kind == "qdisk"; }
};

/// Whoever serves it in another domain says that it cannot (any more).
bool given_up(xs::Client& store, const Device& device);

/// The devices' configurations must be complete: backend_domid, devid, MAC address...
/// `node` and `number` say which block device holds the disk's data; both are empty for a script, for QEMU or for
/// another backend domain.
Device describe_disk(const DeviceDisk& disk, xc::DomId guest, const std::string& node = {},
                     const std::string& number = {});
Device describe_nic(const DeviceNic& nic, xc::DomId guest);
Device describe_vfb(const DeviceVfb& vfb, xc::DomId guest, const std::string& guest_name);
Device describe_vkb(const DeviceVkb& vkb, xc::DomId guest);
Device describe_p9(const DeviceP9& p9, xc::DomId guest);
/// A channel is a console; number 0 is the guest's own, so its id in the store is one more.
Device describe_channel(const DeviceChannel& channel, xc::DomId guest);

/// Both ends with their permissions, and libxl's own record of the device.
void write_nodes(xs::Batch& out, const Device& device);
/// Takes them away again, and the directories above them that are empty then are left: the domain owns those.
void remove_nodes(xs::Batch& out, const Device& device);

} // namespace hospes::xl
