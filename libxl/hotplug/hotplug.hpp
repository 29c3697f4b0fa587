// SPDX-License-Identifier: MIT
// The host's side of devices: what has to exist in the backend's domain before its kernel can serve a guest. Done
// by the kernel's own interfaces; a program or script runs only where the configuration asks for what only it can do.
#pragma once

#include <memory>

#include "libxl/core/wait.hpp"
#include "libxl/types/devices.hpp"
#include "xc/abi.hpp"

namespace hospes::xl {

/// A block device that holds a disk's data, ready for the kernel's backend. Until keep() what was made for it goes
/// away with this object, also when the process is killed.
class DiskSource {
  public:
    class Hold { ///< takes it back in its destructor
      public:
        virtual ~Hold() = default;
        virtual Status keep() = 0;
    };
    DiskSource() = default;
    DiskSource(std::string node, unsigned major, unsigned minor, std::unique_ptr<Hold> hold = nullptr)
        : node_(std::move(node)), major_(major), minor_(minor), hold_(std::move(hold)) {}

    [[nodiscard]] const std::string& node() const { return node_; }
    /// "MAJOR:MINOR" in hexadecimal, as blkback reads physical-device.
    [[nodiscard]] std::string number() const;
    /// From now on the store knows it; it stays until close_disk().
    Status keep() { return hold_ ? hold_->keep() : Status(); }

  private:
    std::string node_;
    unsigned major_ = 0, minor_ = 0;
    std::unique_ptr<Hold> hold_;
};

/// The end of a vif in the backend's domain.
struct VifPort {
    std::string interface;              ///< "vif7.0", as netback calls it
    int mtu = 0;                        ///< out: what it ended up with
    std::string guest_name, guest_uuid; ///< whose it is, for a switch that keeps that; empty: not known
};

/// A script of the user, as Xen's hotplug protocol calls it: xen's docs/misc/block-scripts.txt and the scripts in
/// /etc/xen/scripts. The device's nodes are in the store already.
struct ScriptCall {
    std::string script;       ///< a bare name lives in /etc/xen/scripts
    std::string action;       ///< block: add, remove; vif: online, offline
    std::string kind;         ///< vbd, vif
    std::string backend_path; ///< "/local/domain/0/backend/vif/7/0"
    std::string interface;    ///< vif only
    std::string gatewaydev;   ///< vif only
};

class Hotplug {
  public:
    virtual ~Hotplug() = default;

    /// Opens what `disk` names: a block device as it is, a raw file through a loop device.
    virtual Result<DiskSource> open_disk(const DeviceDisk& disk) = 0;
    /// Whether a file that QEMU is to open can be opened.
    virtual Status check_image(const std::string& file, bool writable) = 0;
    /// Takes back what open_disk() made. `params` is the file, to know our own from somebody else's.
    virtual void close_disk(const std::string& node, const std::string& params) = 0;

    /// Waits for the interface, then bridges, routes or switches it and brings it up.
    virtual Status plug_nic(VifPort& port, const DeviceNic& nic, Clock::time_point deadline, const Cancel* cancel) = 0;
    /// What the interface's own end does not undo.
    virtual void unplug_nic(const std::string& interface, const std::string& script, const std::string& bridge) = 0;

    /// Whether the kernel can serve backends of this kind ("vbd", "vif"); the error names the module.
    virtual Status check_backend(std::string_view kind) = 0;

    virtual Status run_script(const ScriptCall& call, Clock::time_point deadline, const Cancel* cancel) = 0;
};

std::unique_ptr<Hotplug> native_hotplug();

/// Whether a vif's script is one that plug_nic() does natively: none, vif-bridge, vif-route, vif-openvswitch.
bool is_native_vif_script(const std::string& script);
/// The same for disks: none, or "block".
bool is_native_block_script(const std::string& script);

} // namespace hospes::xl
