// SPDX-License-Identifier: MIT
// The QEMU of a PV or PVH guest: one process that serves those of its devices that no kernel serves. It runs while the
// domain does, whoever started it; /libxl/D/device-model = "PID START" says which process it is. A driver domain has
// its own for the guests whose images it serves.
#pragma once

#include "libxl/core/host.hpp"
#include "libxl/core/wait.hpp"
#include "libxl/types/domain_config.hpp"

namespace hospes::xl {

/// The disk's data needs QEMU: an image that is not raw, or qdisk asked for.
bool needs_qemu(const DeviceDisk& disk);
/// Some device of the configuration is served by QEMU in this domain.
bool needs_device_model(const DomainConfig& config);

/// A guest's QEMU, and where the store says so.
struct DeviceModel {
    xc::DomId guest;
    std::string home;   ///< node whose `state` QEMU itself writes
    std::string record; ///< node with "PID START"
    std::string pid;    ///< node with the number alone, as stock tools write it; empty: none
};
/// The one in dom0.
DeviceModel model_of(xc::DomId guest);
/// One in a driver domain, among that one's own nodes; those of all guests have their records in one folder.
std::string models_folder(xc::DomId server);
DeviceModel model_in(xc::DomId server, xc::DomId guest);

bool device_model_lives(Host& host, const DeviceModel& model);
/// The end of the log; its name comes from the domain's.
std::string device_model_words(const std::string& domain_name);

/// Starts one and does not wait. The answer says which process it is, as in the record.
Result<std::string> launch_device_model(Host& host, const DeviceModel& model, const DomainConfig& config);

/// Starts one for the devices whose nodes are in the store and waits until it serves. VNC address, pseudo-terminals
/// of channels and the process are then in the store. What failed is gone again. An error holds the end of its log.
Status start_device_model(Host& host, xc::DomId guest, const DomainConfig& config, Clock::time_point deadline,
                          const Cancel* cancel);

/// Ends it if it runs (it writes back first what it holds of disks), and removes what it left.
Status stop_device_model(Host& host, const DeviceModel& model, Clock::time_point deadline);

} // namespace hospes::xl
