// SPDX-License-Identifier: MIT
#include "xl/command.hpp"

#include <sys/utsname.h>

#include <cstdio>

#include "xl/output/json.hpp"

namespace hospes::cli {
namespace {

using Facts = std::vector<std::pair<std::string, std::string>>;

std::string hardware_words(const xc::PhysInfo& info) {
    char text[9 * 8 + 1] = "";
    for (int i = 0; i < 8; ++i)
        std::snprintf(text + 9 * i, 10, "%08x%s", info.hw_cap[i], i < 7 ? ":" : "");
    return text;
}

std::string virtualisation(const xc::PhysInfo& info) {
    struct Name {
        std::uint32_t bit;
        const char* text;
    };
    static constexpr Name names[] = {{XEN_SYSCTL_PHYSCAP_pv, " pv"},
                                     {XEN_SYSCTL_PHYSCAP_hvm, " hvm"},
                                     {XEN_SYSCTL_PHYSCAP_directio, " hvm_directio"},
                                     {XEN_SYSCTL_PHYSCAP_hap, " hap"},
                                     {XEN_SYSCTL_PHYSCAP_shadow, " shadow"},
                                     {XEN_SYSCTL_PHYSCAP_iommu_hap_pt_share, " iommu_hap_pt_share"},
                                     {XEN_SYSCTL_PHYSCAP_vmtrace, " vmtrace"},
                                     {XEN_SYSCTL_PHYSCAP_vpmu, " vpmu"},
                                     {XEN_SYSCTL_PHYSCAP_gnttab_v1, " gnttab-v1"},
                                     {XEN_SYSCTL_PHYSCAP_gnttab_v2, " gnttab-v2"}};
    std::string out;
    for (const Name& name : names)
        if (info.capabilities & name.bit) out += name.text;
    return out.empty() ? out : out.substr(1);
}

const char* scheduler_name(unsigned id) {
    for (const auto& entry : xl::EnumTable<xl::Scheduler>::entries)
        if (static_cast<unsigned>(entry.value) == id) return entry.name.data();
    return "unknown";
}

void add_version(Facts& facts, const xc::VersionInfo& v, unsigned scheduler) {
    char hex[32];
    facts.emplace_back("xen_major", std::to_string(v.major));
    facts.emplace_back("xen_minor", std::to_string(v.minor));
    facts.emplace_back("xen_extra", v.extra);
    facts.emplace_back("xen_version", std::to_string(v.major) + "." + std::to_string(v.minor) + v.extra);
    facts.emplace_back("xen_caps", v.capabilities);
    facts.emplace_back("xen_scheduler", scheduler_name(scheduler));
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
    const auto mib = [](std::uint64_t pages) { return std::to_string(pages >> 8); };
    const unsigned cores = p.cores_per_socket ? p.cores_per_socket : 1, threads = p.threads_per_core;
    facts.emplace_back("nr_cpus", std::to_string(p.nr_cpus));
    facts.emplace_back("max_cpu_id", std::to_string(p.max_cpu_id));
    facts.emplace_back("nr_nodes", std::to_string(p.nr_nodes));
    facts.emplace_back("cores_per_socket", std::to_string(cores));
    facts.emplace_back("threads_per_core", std::to_string(threads));
    facts.emplace_back("cpu_mhz", mhz);
    facts.emplace_back("hw_caps", hardware_words(p));
    facts.emplace_back("virt_caps", virtualisation(p));
    facts.emplace_back("total_memory", mib(p.total_pages));
    facts.emplace_back("free_memory", mib(p.free_pages - std::min(p.free_pages, p.outstanding_pages)));
    facts.emplace_back("sharing_freed_memory", "0");
    facts.emplace_back("sharing_used_memory", "0");
    facts.emplace_back("outstanding_claims", mib(p.outstanding_pages));
}

Result<Facts> gather(xc::Control& control) {
    Facts facts;
    utsname kernel{};
    ::uname(&kernel);
    facts.emplace_back("host", kernel.nodename);
    facts.emplace_back("release", kernel.release);
    facts.emplace_back("version", kernel.version);
    facts.emplace_back("machine", kernel.machine);
    add_physical(facts, HOSPES_TRY(control.phys_info()));
    unsigned free_cpus = 0;
    for (const std::uint8_t word : HOSPES_TRY(control.free_cpus()))
        free_cpus += static_cast<unsigned>(__builtin_popcount(word));
    facts.emplace_back("free_cpus", std::to_string(free_cpus));
    add_version(facts, HOSPES_TRY(control.version()), HOSPES_TRY(control.scheduler()));
    return facts;
}

void print_json(const Facts& facts) {
    output::Json json(stdout);
    json.open_map();
    for (const auto& [key, value] : facts)
        json.field(key, value);
    json.close_map();
}

int print_numa(xc::Control& control) {
    const auto cpus = XL_TRY(control.cpu_topology());
    std::printf("cpu_topology           :\ncpu:    core    socket     node\n");
    for (std::size_t i = 0; i < cpus.size(); ++i)
        if (cpus[i].core != XEN_INVALID_CORE_ID)
            std::printf("%3zu:    %4u     %4u     %4u\n", i, cpus[i].core, cpus[i].socket, cpus[i].node);
    std::printf("device topology        :\ndevice           node\nNo device topology data available\n");
    const xc::Control::Numa numa = XL_TRY(control.numa());
    const std::size_t nodes = numa.memory.size();
    std::printf("numa_info              :\nnode:    memsize    memfree    distances\n");
    for (std::size_t i = 0; i < nodes; ++i) {
        std::printf("%4zu:    %6lu     %6lu      %d", i, numa.memory[i].memsize >> 20, numa.memory[i].memfree >> 20,
                    numa.distances[i * nodes]);
        for (std::size_t j = 1; j < nodes; ++j)
            std::printf(",%d", numa.distances[i * nodes + j]);
        std::printf("\n");
    }
    return exit_success;
}

class InfoCommand final : public Command {
  public:
    static constexpr std::string_view verb = "info";
    [[nodiscard]] std::string_view name() const override { return verb; }
    [[nodiscard]] std::string_view help() const override {
        return
#include "info.md.inc"
            ;
    }
    [[nodiscard]] std::vector<Option> options() override {
        return {{'n', "numa", false, [this](const char*) { numa_ = true; }}};
    }
    int run(Context& context, std::span<const std::string>) override {
        xc::Control* const control = XL_TRY(context.host.control());
        const Facts facts = XL_TRY(gather(*control));
        if (context.json)
            print_json(facts);
        else
            for (const auto& [key, value] : facts)
                std::printf("%-23s: %s\n", key.c_str(), value.c_str());
        return numa_ && !context.json ? print_numa(*control) : exit_success;
    }

  private:
    bool numa_ = false;
};

const Register<InfoCommand> registration;

} // namespace
} // namespace hospes::cli
