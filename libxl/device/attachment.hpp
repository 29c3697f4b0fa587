// SPDX-License-Identifier: MIT
// Devices on their way into a domain, all at once: what they stand for is opened, their nodes are written in one
// transaction, their backends are awaited together, then the host's ends of vifs are set up.
#pragma once

#include "libxl/core/wait.hpp"
#include "libxl/device/device.hpp"

namespace hospes::xl {

/// What devices of a configuration leave open: ids, addresses, the backend's domain number. ESRCH when a backend
/// domain does not exist, EEXIST when two devices want the same id.
Status complete_devices(Host& host, DomainConfig& config);
/// The number of a device's backend domain.
Result<std::uint32_t> backend_of(Host& host, std::uint32_t id, const std::string& name);

class Attachment {
  public:
    Attachment(Host& host, xc::DomId guest, Clock::time_point deadline, const Cancel* cancel)
        : host_(host), guest_(guest), deadline_(deadline), cancel_(cancel) {}

    /// Opens what the disk names. Loop devices go away with this object unless connect() succeeds.
    Status add_disk(const DeviceDisk& disk);
    Status add_nic(const DeviceNic& nic);
    /// A device that a program serves: its nodes are all there is to do.
    void add(Device device) { plain_.push_back(std::move(device)); }
    /// All of a domain's, or of one that is added to it; `config` has its name and, for QEMU, its settings.
    Status add_all(const DomainConfig& config);

    void write_nodes(xs::Batch& out) const;
    /// After the nodes are in the store: starts a device model if one is needed and none runs, waits until every
    /// backend is ready for its guest, and plugs.
    Status connect();
    /// connect() started a device model, which is of no use if the devices are taken back.
    [[nodiscard]] bool started_model() const { return started_model_; }
    [[nodiscard]] std::vector<Device> devices() const;

  private:
    struct Disk {
        DeviceDisk config;
        Device device;
        DiskSource source;
        bool scripted = false;
    };
    struct Nic {
        DeviceNic config;
        Device device;
    };
    Status start_model();
    Status wait_backends();
    Status run_script(const Device& device, const std::string& script, const char* action, const DeviceNic* nic);
    Status plug_nic(const Nic& nic, xs::Batch& out);

    Host& host_;
    xc::DomId guest_;
    Clock::time_point deadline_;
    const Cancel* cancel_;
    std::vector<Disk> disks_;
    std::vector<Nic> nics_;
    std::vector<Device> plain_;
    std::optional<DomainConfig> model_; ///< what QEMU is to serve
    bool started_model_ = false;
};

/// What a backend said went wrong (its error node), or nothing.
std::string backend_complaint(xs::Client& store, const Device& device);

} // namespace hospes::xl
