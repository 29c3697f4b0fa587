// SPDX-License-Identifier: MIT
#include "xl/explain.hpp"

#include <sys/stat.h>

#include "libxl/domain/create.hpp"
#include "libxl/domain/resources.hpp"
#include "libxl/host/cpu_set.hpp"
#include "libxl/host/domains.hpp"
#include "xl/output/json.hpp"
#include "xl/output/text.hpp"

namespace hospes::cli {
namespace {

/// Lines of "subject: decision" and obstacles; printed as text or JSON at the end.
class Plan {
  public:
    void decide(std::string subject, std::string what) { decisions_.emplace_back(std::move(subject), std::move(what)); }
    void obstacle(std::string why) { obstacles_.push_back(std::move(why)); }
    void obstacle(const Error& why) { obstacle(why.text() + (why.hint.empty() ? "" : " (" + why.hint + ")")); }

    int print(bool as_json) const {
        if (as_json) {
            output::Json json(stdout);
            json.open_map();
            for (const auto& [subject, what] : decisions_)
                json.field(subject, what);
            json.key("obstacles");
            json.open_array();
            for (const std::string& why : obstacles_)
                json.value(why);
            json.close_array();
            json.close_map();
        } else {
            std::string text;
            for (const auto& [subject, what] : decisions_)
                output::append(text, "%-10s %s\n", (subject + ":").c_str(), what.c_str());
            for (const std::string& why : obstacles_)
                output::append(text, "%-10s %s\n", "obstacle:", why.c_str());
            std::fputs(text.c_str(), stdout);
        }
        return obstacles_.empty() ? exit_success : exit_failure;
    }

  private:
    std::vector<std::pair<std::string, std::string>> decisions_;
    std::vector<std::string> obstacles_;
};

std::string mib(std::uint64_t kib) { return std::to_string(kib >> 10) + " MiB"; }

void explain_type(Context& context, const xl::DomainConfig& config, Plan& plan) {
    std::optional<xc::KernelImage> kernel;
    if (!config.b_info.kernel.empty()) {
        auto loaded = xc::KernelImage::load(config.b_info.kernel);
        if (!loaded) return plan.obstacle(loaded.problem());
        kernel = *std::move(loaded);
        plan.decide("kernel", config.b_info.kernel + ", " + kernel->format());
    }
    const auto caps = xl::host_caps(context.host);
    if (!caps) return plan.obstacle(caps.problem());
    const auto type = xl::choose_type(config, kernel ? &*kernel : nullptr, *caps);
    if (!type) return plan.obstacle(type.problem());
    plan.decide("type", std::string(to_string(type->type)) + ": " + type->reason);
}

void explain_memory(Context& context, const xl::DomainConfig& config, Plan& plan) {
    const xl::BuildInfo& b = config.b_info;
    const auto memory = xl::host_memory(context.host);
    if (!memory) return plan.obstacle(memory.problem());
    const std::uint64_t needed = b.target_memkb + xl::maxmem_slack_kib;
    const bool claims = b.claim_mode.value_or(true);
    plan.decide("memory", mib(b.target_memkb) + " now, at most " + mib(b.max_memkb) + "; needed " + mib(needed) +
                              ", free " + mib(memory->free) + " of which " + mib(memory->claimed) + " are claimed" +
                              (claims ? "; it is claimed first" : "; no claim is made (claim_mode=0)"));
    if (needed > memory->available())
        plan.obstacle(mib(needed) + " of memory are needed and " + mib(memory->available()) +
                      " are available; domain 0 keeps its memory: shut a guest down or lower memory=");
}

void explain_cpus(Context& context, const xl::DomainConfig& config, Plan& plan) {
    const xl::BuildInfo& b = config.b_info;
    std::string text = std::to_string(b.avail_vcpus.count()) + " of " + std::to_string(b.max_vcpus) + " vCPU(s) online";
    if (const auto layout = xl::node_of_cpus(context.host)) {
        const auto cpus = static_cast<unsigned>(layout->size());
        if (b.vcpu_hard_affinity.empty()) text += ", on any CPU of the pool";
        for (const xl::Bitmap& set : b.vcpu_hard_affinity)
            text += ", hard affinity " + set_text(set, cpus);
        for (const xl::Bitmap& set : b.vcpu_soft_affinity)
            text += ", soft affinity " + set_text(set, cpus);
    }
    plan.decide("vcpus", text);
}

void explain_disks(const xl::DomainConfig& config, Plan& plan) {
    for (const xl::DeviceDisk& disk : config.disks) {
        std::string how;
        struct stat about {};
        if (disk.backend_domid != 0 || !disk.backend_domname.empty())
            how = "served by another domain";
        else if (disk.format == xl::DiskFormat::empty)
            how = "an empty drive";
        else if (::stat(disk.pdev_path.c_str(), &about) < 0)
            plan.obstacle("disk " + disk.vdev + ": " + disk.pdev_path + ": " + std::strerror(errno));
        else if (S_ISBLK(about.st_mode))
            how = "a block device, given to the kernel's backend as it is";
        else if (disk.format == xl::DiskFormat::raw || disk.format == xl::DiskFormat::unknown)
            how = "a raw file, through a loop device and the kernel's backend";
        else
            how =
                std::string(to_string(disk.format)) + ", which the kernel cannot read: a user space backend serves it";
        plan.decide("disk " + disk.vdev, disk.pdev_path + (disk.readwrite ? ", writable: " : ", read only: ") + how);
    }
}

void explain_nics(const xl::DomainConfig& config, Plan& plan) {
    for (const xl::DeviceNic& nic : config.nics) {
        std::string text = nic.script.empty() ? "joins bridge " + nic.bridge : "plugged by script " + nic.script;
        text += nic.mac.is_default() ? ", a random MAC address" : ", MAC " + to_string(nic.mac);
        const std::string bridge = "/sys/class/net/" + nic.bridge;
        struct stat about {};
        if (nic.script.empty() && nic.backend_domname.empty() && ::stat(bridge.c_str(), &about) < 0)
            plan.obstacle("vif " + std::to_string(nic.devid.value) + ": there is no bridge " + nic.bridge +
                          " (ip link add " + nic.bridge + " type bridge)");
        plan.decide("vif " + std::to_string(nic.devid.value), text);
    }
}

} // namespace

int explain_creation(Context& context, const xl::DomainConfig& config) {
    Plan plan;
    plan.decide("name", config.c_info.name);
    if (const auto taken = context.host.find(config.c_info.name))
        plan.obstacle("domain " + std::to_string(*taken) + " has the name '" + config.c_info.name + "' already");
    explain_type(context, config, plan);
    explain_memory(context, config, plan);
    explain_cpus(context, config, plan);
    explain_disks(config, plan);
    explain_nics(config, plan);
    return plan.print(context.json);
}

} // namespace hospes::cli
