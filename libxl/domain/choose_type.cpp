// SPDX-License-Identifier: MIT
#include "libxl/domain/choose_type.hpp"

namespace hospes::xl {
namespace {

/// Empty when this type can work, else what is missing.
std::string obstacle(DomainType type, const xc::KernelImage* kernel, const HostCaps& host) {
    switch (type) {
    case DomainType::pvh:
        if (!host.hvm) return "the host has no hardware virtualisation";
        if (!kernel) return "a PVH guest needs kernel=";
        return kernel->supports_pvh() ? "" : "the kernel has no PVH entry point (ELF note PHYS32_ENTRY)";
    case DomainType::pv:
        if (!host.pv) return "the hypervisor runs no PV guests";
        if (!kernel) return "a PV guest needs kernel=";
        return kernel->supports_pv() ? "" : "the kernel has no 64-bit PV entry (Xen ELF notes)";
    case DomainType::hvm: return host.hvm ? "" : "the host has no hardware virtualisation";
    case DomainType::invalid: break;
    }
    return "unknown type";
}

} // namespace

Result<TypeChoice> choose_type(const DomainConfig& config, const xc::KernelImage* kernel, const HostCaps& host) {
    if (const DomainType wanted = config.c_info.type; wanted != DomainType::invalid) {
        const std::string why = obstacle(wanted, kernel, host);
        if (!why.empty())
            return error("type=\"" + std::string(to_string(wanted)) + "\" cannot be used", 0, why,
                         "leave type= out to have a possible one chosen");
        return TypeChoice{wanted, "set by the configuration"};
    }
    if (!kernel && !config.b_info.bootloader.empty())
        return error("choose a guest type", 0, "bootloader= is not run yet, so there is no kernel to look at",
                     "name a kernel= of the host's");
    if (!kernel) {
        const std::string why = obstacle(DomainType::hvm, kernel, host);
        if (!why.empty())
            return error("choose a guest type", 0, "without kernel= only HVM is possible, but " + why,
                         "name a kernel= for PV");
        return TypeChoice{DomainType::hvm, "there is no kernel=, so firmware boots from the disks"};
    }
    const std::string no_pvh = obstacle(DomainType::pvh, kernel, host);
    if (no_pvh.empty())
        return TypeChoice{DomainType::pvh, "the kernel has a PVH entry and the host can virtualise in hardware"};
    const std::string no_pv = obstacle(DomainType::pv, kernel, host);
    if (no_pv.empty()) return TypeChoice{DomainType::pv, "PVH is not possible: " + no_pvh};
    return error("choose a guest type", 0, "neither PVH (" + no_pvh + ") nor PV (" + no_pv + ") is possible",
                 "use a kernel built for Xen guests");
}

} // namespace hospes::xl
