// SPDX-License-Identifier: MIT
#include "libxl/host/facts.hpp"

#include <sys/utsname.h>

#include <algorithm>
#include <cstdio>
#include <memory>

#include <dirent.h>

namespace hospes::xl {
namespace {

std::string hardware_words(const xc::PhysInfo& info) {
    char text[9 * 8 + 1] = "";
    for (int i = 0; i < 8; ++i)
        std::snprintf(text + 9 * i, 10, "%08x%s", info.hw_cap[i], i < 7 ? ":" : "");
    return text;
}

std::string virtualisation(const xc::PhysInfo& info) {
    struct Name {
        std::uint32_t bits; // all of them
        const char* text;
    };
    static constexpr Name names[] = {{XEN_SYSCTL_PHYSCAP_pv, " pv"},
                                     {XEN_SYSCTL_PHYSCAP_hvm, " hvm"},
                                     {XEN_SYSCTL_PHYSCAP_hvm | XEN_SYSCTL_PHYSCAP_directio, " hvm_directio"},
                                     {XEN_SYSCTL_PHYSCAP_pv | XEN_SYSCTL_PHYSCAP_directio, " pv_directio"},
                                     {XEN_SYSCTL_PHYSCAP_hap, " hap"},
                                     {XEN_SYSCTL_PHYSCAP_shadow, " shadow"},
                                     {XEN_SYSCTL_PHYSCAP_iommu_hap_pt_share, " iommu_hap_pt_share"},
                                     {XEN_SYSCTL_PHYSCAP_vmtrace, " vmtrace"},
                                     {XEN_SYSCTL_PHYSCAP_vpmu, " vpmu"},
                                     {XEN_SYSCTL_PHYSCAP_gnttab_v1, " gnttab-v1"},
                                     {XEN_SYSCTL_PHYSCAP_gnttab_v2, " gnttab-v2"}};
    std::string out;
    for (const Name& name : names)
        if ((info.capabilities & name.bits) == name.bits) out += name.text;
    return out.empty() ? out : out.substr(1);
}

void add_version(Facts& facts, const xc::VersionInfo& v, unsigned scheduler) {
    char hex[32];
    facts.emplace_back("xen_major", std::to_string(v.major));
    facts.emplace_back("xen_minor", std::to_string(v.minor));
    facts.emplace_back("xen_extra", v.extra);
    facts.emplace_back("xen_version", std::to_string(v.major) + "." + std::to_string(v.minor) + v.extra);
    facts.emplace_back("xen_caps", v.capabilities);
    facts.emplace_back("xen_scheduler", to_string(static_cast<Scheduler>(scheduler)));
    facts.emplace_back("xen_pagesize", std::to_string(v.page_size));
    std::snprintf(hex, sizeof(hex), "virt_start=0x%lx", v.virtual_start);
    facts.emplace_back("platform_params", hex);
    facts.emplace_back("xen_changeset", v.changeset);
    facts.emplace_back("xen_commandline", v.command_line);
    facts.emplace_back("cc_compiler", v.compiler);
    facts.emplace_back("cc_compile_by", v.compiled_by);
    facts.emplace_back("cc_compile_domain", v.compile_domain);
    facts.emplace_back("cc_compile_date", v.compile_date);
    facts.emplace_back("build_id", v.build_id);
    facts.emplace_back("xend_config_format", "4");
}

void add_physical(Facts& facts, const xc::PhysInfo& p) {
    char mhz[32];
    std::snprintf(mhz, sizeof(mhz), "%u.%03u", p.cpu_khz / 1000, p.cpu_khz % 1000);
    const auto mib = [](std::uint64_t pages) { return std::to_string(pages >> (20 - xc::page_shift)); };
    facts.emplace_back("nr_cpus", std::to_string(p.nr_cpus));
    facts.emplace_back("max_cpu_id", std::to_string(p.max_cpu_id));
    facts.emplace_back("nr_nodes", std::to_string(p.nr_nodes));
    facts.emplace_back("cores_per_socket", std::to_string(std::max(p.cores_per_socket, 1U)));
    facts.emplace_back("threads_per_core", std::to_string(p.threads_per_core));
    facts.emplace_back("cpu_mhz", mhz);
    facts.emplace_back("hw_caps", hardware_words(p));
    facts.emplace_back("virt_caps", virtualisation(p));
    facts.emplace_back("total_memory", mib(p.total_pages));
    facts.emplace_back("free_memory", mib(p.free_pages - std::min(p.free_pages, p.outstanding_pages)));
    facts.emplace_back("sharing_freed_memory", "0"); // no page sharing here, and none in Debian's Xen
    facts.emplace_back("sharing_used_memory", "0");
    facts.emplace_back("outstanding_claims", mib(p.outstanding_pages));
}

} // namespace

Result<HostFacts> host_facts(Host& host) {
    xc::Control* const control = HOSPES_TRY(host.control());
    HostFacts facts;
    utsname kernel{};
    ::uname(&kernel);
    facts.machine.emplace_back("host", kernel.nodename);
    facts.machine.emplace_back("release", kernel.release);
    facts.machine.emplace_back("version", kernel.version);
    facts.machine.emplace_back("machine", kernel.machine);
    add_physical(facts.machine, HOSPES_TRY(control->phys_info()));
    unsigned free_cpus = 0;
    for (const std::uint8_t word : HOSPES_TRY(control->free_cpus()))
        free_cpus += static_cast<unsigned>(__builtin_popcount(word));
    facts.machine.emplace_back("free_cpus", std::to_string(free_cpus));
    add_version(facts.hypervisor, HOSPES_TRY(control->version()), HOSPES_TRY(control->scheduler()));
    return facts;
}

std::vector<physdev_pci_device_t> pci_devices(const std::string& directory) {
    std::vector<physdev_pci_device_t> out;
    const std::unique_ptr<DIR, decltype([](DIR* d) { ::closedir(d); })> entries(::opendir(directory.c_str()));
    while (const dirent* const entry = entries ? ::readdir(entries.get()) : nullptr) {
        unsigned segment = 0, bus = 0, slot = 0, function = 0;
        if (std::sscanf(entry->d_name, "%x:%x:%x.%x", &segment, &bus, &slot, &function) != 4) continue;
        physdev_pci_device_t& device = out.emplace_back();
        device.seg = static_cast<std::uint16_t>(segment);
        device.bus = static_cast<std::uint8_t>(bus);
        device.devfn = static_cast<std::uint8_t>(slot << 3 | function);
    }
    std::sort(out.begin(), out.end(), [](const auto& a, const auto& b) {
        return std::tie(a.seg, a.bus, a.devfn) < std::tie(b.seg, b.bus, b.devfn);
    });
    return out;
}

Result<Topology> host_topology(Host& host) {
    xc::Control* const control = HOSPES_TRY(host.control());
    Topology out;
    const auto cpus = HOSPES_TRY(control->cpu_topology());
    for (unsigned cpu = 0; cpu < cpus.size(); ++cpu)
        if (cpus[cpu].core != XEN_INVALID_CORE_ID)
            out.cpus.push_back({cpu, cpus[cpu].core, cpus[cpu].socket, cpus[cpu].node});
    const auto devices = pci_devices();
    // Not every hypervisor answers this one; the rest is worth printing all the same.
    if (const auto nodes = control->device_nodes(devices); nodes)
        for (std::size_t i = 0; i < devices.size(); ++i) {
            if ((*nodes)[i] == XEN_INVALID_NODE_ID || (*nodes)[i] == XEN_INVALID_DEV) continue;
            char address[32];
            std::snprintf(address, sizeof(address), "%04x:%02x:%02x.%01x", devices[i].seg, devices[i].bus,
                          devices[i].devfn >> 3, devices[i].devfn & 7U);
            out.devices.push_back({address, (*nodes)[i]});
        }
    const xc::Control::Numa numa = HOSPES_TRY(control->numa());
    const std::size_t nodes = numa.memory.size();
    for (unsigned node = 0; node < nodes; ++node) {
        if (numa.memory[node].memsize == XEN_INVALID_MEM_SZ) continue;
        NodeMemory& memory = out.nodes.emplace_back();
        memory.node = node;
        memory.size_bytes = numa.memory[node].memsize;
        memory.free_bytes = numa.memory[node].memfree;
        const auto row = numa.distances.begin() + static_cast<std::ptrdiff_t>(node * nodes);
        memory.distances.assign(row, row + static_cast<std::ptrdiff_t>(nodes));
    }
    return out;
}

} // namespace hospes::xl
