// SPDX-License-Identifier: MIT
// What the machine and its hypervisor are: the fields of `xl info`, in its order and wording.
#pragma once

#include <utility>

#include "libxl/core/host.hpp"

namespace hospes::xl {

using Facts = std::vector<std::pair<std::string, std::string>>;

struct HostFacts {
    Facts machine;    ///< from "host" to "free_cpus"
    Facts hypervisor; ///< from "xen_major" to "xend_config_format"
};
Result<HostFacts> host_facts(Host& host);

struct CpuPlace {
    unsigned cpu = 0, core = 0, socket = 0, node = 0;
};
struct DevicePlace {
    std::string address; ///< "0000:00:1f.2"
    unsigned node = 0;
};
struct NodeMemory {
    unsigned node = 0;
    std::uint64_t size_bytes = 0, free_bytes = 0;
    std::vector<std::uint32_t> distances;
};
struct Topology {
    std::vector<CpuPlace> cpus;       ///< online ones
    std::vector<DevicePlace> devices; ///< those whose node the hypervisor knows
    std::vector<NodeMemory> nodes;
};
Result<Topology> host_topology(Host& host);

/// PCI devices as the kernel lists them (/sys/bus/pci/devices).
std::vector<physdev_pci_device_t> pci_devices(const std::string& directory = "/sys/bus/pci/devices");

} // namespace hospes::xl
