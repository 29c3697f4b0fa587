// SPDX-License-Identifier: MIT
// What a guest sees through CPUID: the host's default for its type, the topology that Xen gives its
// vCPUs, and what the configuration changes on top.
#pragma once

#include <array>

#include "xc/control.hpp"

namespace hospes::xc {

/// Changes of one CPUID leaf. `subleaf` XEN_CPUID_NO_SUBLEAF: the leaf as a whole. Bits that the hypervisor
/// cannot give are refused by it, with the leaf's number.
struct CpuidRule {
    std::uint32_t leaf = 0, subleaf = XEN_CPUID_NO_SUBLEAF;
    /// Bits of EAX, EBX, ECX, EDX: to be set, to be cleared, to be as the host has them.
    std::array<std::uint32_t, 4> set{}, clear{}, host{};
};

/// Sets the domain's policy. Must come before its vCPUs get their first state.
Status apply_cpu_policy(Control& control, DomId domain, bool hvm, std::span<const CpuidRule> rules = {});

/// The pure part: turns the host's default leaves into the domain's. `host` are those of
/// XEN_SYSCTL_cpu_policy_host.
void adjust_cpu_policy(std::vector<xen_cpuid_leaf_t>& leaves, std::span<const xen_cpuid_leaf_t> host, bool hvm,
                       std::span<const CpuidRule> rules);

} // namespace hospes::xc
