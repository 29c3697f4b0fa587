// SPDX-License-Identifier: MIT
#include "libxl/report/preflight.hpp"

#include <dirent.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>

#include "libxl/console/stream.hpp"
#include "libxl/domain/supervise.hpp"

namespace hospes::xl::report {
namespace {

using Verdict = Check::Verdict;

std::string mib(std::uint64_t pages) { return std::to_string(pages >> 8) + " MiB"; }

class Preflight {
  public:
    Preflight(Host& host, const PreflightOptions& options) : host_(host), options_(options) {}

    std::vector<Check> run() {
        hypervisor();
        devices();
        if (control_) {
            rights();
            memory();
            virtualisation();
            leftovers();
        }
        store();
        consoles();
        supervisor();
        backends();
        bridge();
        folders();
        return std::move(checks_);
    }

  private:
    void say(const char* name, Verdict verdict, std::string finding, std::string hint = {}) {
        checks_.push_back(
            {name, verdict, std::move(finding), verdict == Verdict::good ? std::string() : std::move(hint)});
    }
    [[nodiscard]] std::string at(const std::string& path) const { return options_.root + path; }
    [[nodiscard]] bool there(const std::string& path) const { return ::access(at(path).c_str(), F_OK) == 0; }
    [[nodiscard]] std::string first_word(const std::string& path) const {
        std::string word;
        std::ifstream(at(path)) >> word;
        return word;
    }

    void hypervisor() {
        const std::string type = first_word("/sys/hypervisor/type");
        if (type != "xen")
            return say("hypervisor", Verdict::bad,
                       type.empty() ? "this kernel does not run on a hypervisor" : "this is " + type,
                       "boot the hypervisor with this system as its dom0");
        auto control = host_.control();
        if (!control)
            return say("hypervisor", Verdict::bad, control.problem().text(),
                       "load the module xen-privcmd, and be root");
        const auto version = (*control)->version();
        if (!version) return say("hypervisor", Verdict::bad, version.problem().text(), "is this dom0?");
        control_ = *control;
        say("hypervisor", Verdict::good,
            "version " + std::to_string(version->major) + "." + std::to_string(version->minor) + version->extra);
    }

    void devices() {
        std::string missing;
        for (const char* const name : {"privcmd", "evtchn", "gntdev"})
            if (!there(std::string("/dev/xen/") + name)) missing += std::string(missing.empty() ? "" : ", ") + name;
        if (missing.empty()) return say("devices", Verdict::good, "privcmd, evtchn and gntdev are in /dev/xen");
        say("devices", Verdict::bad, "missing in /dev/xen: " + missing, "modprobe xen-privcmd xen-evtchn xen-gntdev");
    }

    void rights() {
        const auto info = control_->phys_info();
        if (info)
            say("rights", Verdict::good, "this domain may control others");
        else
            say("rights", Verdict::bad, info.problem().text(), "run it as root in dom0");
    }

    void memory() {
        const auto info = control_->phys_info();
        if (!info) return;
        const std::uint64_t free = info->free_pages - std::min(info->free_pages, info->outstanding_pages);
        const std::string finding = mib(free) + " of " + mib(info->total_pages) + " are free";
        if (free < (std::uint64_t{64} << 8))
            say("free memory", Verdict::warning, finding,
                "stop guests, or give dom0 less (dom0_mem= on the hypervisor's command line)");
        else
            say("free memory", Verdict::good, finding);
        const auto dom0 = control_->info(0);
        if (!dom0) return;
        const std::string has = "dom0 has " + mib(dom0->tot_pages);
        // What dom0 was given at boot only comes back by ballooning, which is slow and may fail.
        if (dom0->tot_pages > info->total_pages / 10 * 9)
            say("dom0 memory", Verdict::warning, has + ", nearly all there is",
                "add dom0_mem=2G,max:2G to the hypervisor's command line");
        else
            say("dom0 memory", Verdict::good, has);
    }

    void virtualisation() {
        const auto info = control_->phys_info();
        if (!info) return;
        const std::uint32_t caps = info->capabilities;
        std::string types = caps & XEN_SYSCTL_PHYSCAP_pv ? "PV" : "";
        if (caps & XEN_SYSCTL_PHYSCAP_hvm) types += std::string(types.empty() ? "" : ", ") + "PVH, HVM";
        const bool hap = (caps & XEN_SYSCTL_PHYSCAP_hap) != 0, hvm = (caps & XEN_SYSCTL_PHYSCAP_hvm) != 0;
        if (types.empty())
            say("guest types", Verdict::bad, "the hypervisor offers none", "it was built without PV and HVM");
        else if (!hvm)
            say("guest types", Verdict::warning, types + " only: no hardware virtualisation",
                "switch on SVM or VT-x in the firmware's setup");
        else if (!hap)
            say("guest types", Verdict::warning, types + ", without nested paging (hap): slow",
                "look for NPT or EPT in the firmware's setup");
        else
            say("guest types", Verdict::good, types + ", with nested paging");
    }

    void leftovers() {
        const auto domains = control_->list();
        if (!domains) return;
        std::string dying;
        for (const xc::DomainInfo& d : *domains)
            if (d.flags & XEN_DOMINF_dying) dying += (dying.empty() ? "" : ", ") + std::to_string(d.domain);
        if (dying.empty())
            return say("domains", Verdict::good, std::to_string(domains->size()) + ", none of them dying");
        say("domains", Verdict::warning, "dying, but held by somebody: " + dying,
            "a backend or a tool still has their pages mapped; `xl debug-keys q; xl dmesg` shows who");
    }

    void store() {
        auto client = host_.store();
        if (!client) return say("xenstored", Verdict::bad, client.problem().text(), "systemctl start xenstored");
        const auto name = (*client)->try_read("/local/domain/0/name");
        if (!name)
            say("xenstored", Verdict::bad, name.problem().text(), "systemctl status xenstored");
        else if (!*name)
            say("xenstored", Verdict::bad, "it answers, but dom0 is not described in it",
                "run hospes-init-dom0 (or xen-init-dom0)");
        else
            say("xenstored", Verdict::good, "it answers; dom0 is called " + **name);
    }

    void consoles() {
        const auto ours = console::Stream::ask_daemon(options_.console_socket, "list", 2000);
        if (ours) return say("console daemon", Verdict::good, "it answers and keeps consoles from their first byte");
        pid_t other = 0;
        std::ifstream(at("/run/xen/xenconsoled.pid")) >> other;
        if (other > 0 && there("/proc/" + std::to_string(other)))
            return say("console daemon", Verdict::warning, "one runs, but not ours: no xl console --since-boot",
                       "start Hospes's xenconsoled instead");
        say("console daemon", Verdict::bad, "none is running", "systemctl start xenconsoled");
    }

    void supervisor() {
        if (supervisor_runs()) return say("supervisor", Verdict::good, "it runs: guests that end are looked after");
        say("supervisor", Verdict::warning, "none is running: nobody acts when a guest ends",
            "systemctl start xl-supervisor; `xl create` starts one as well");
    }

    void backends() {
        struct Backend {
            const char *driver, *module;
        };
        std::string missing, modules;
        for (const Backend backend : {Backend{"vbd", "xen-blkback"}, Backend{"vif", "xen-netback"}})
            if (!there(std::string("/sys/bus/xen-backend/drivers/") + backend.driver)) {
                missing += std::string(missing.empty() ? "" : ", ") + backend.driver;
                modules += std::string(" ") + backend.module;
            }
        if (!there("/dev/loop-control"))
            modules += " loop", missing += std::string(missing.empty() ? "" : ", ") + "loop devices";
        if (missing.empty()) return say("backends", Verdict::good, "disks, interfaces and loop devices can be served");
        say("backends", Verdict::warning, "not there: " + missing, "modprobe" + modules);
    }

    void bridge() {
        std::string bridges;
        DIR* const listing = ::opendir(at("/sys/class/net").c_str());
        while (const dirent* entry = listing ? ::readdir(listing) : nullptr)
            if (there(std::string("/sys/class/net/") + entry->d_name + "/bridge"))
                bridges += std::string(bridges.empty() ? "" : ", ") + entry->d_name;
        if (listing) ::closedir(listing);
        if (bridges.empty())
            say("bridge", Verdict::warning, "there is none: guests have no network unless it is routed",
                "ip link add xenbr0 type bridge");
        else
            say("bridge", Verdict::good, bridges);
    }

    void folders() {
        std::string bad;
        for (const char* const path : {"/var/lib/xen", "/var/log/xen", "/run/xen"})
            if (::access(at(path).c_str(), W_OK) != 0)
                bad += std::string(bad.empty() ? "" : ", ") + path + " (" + std::strerror(errno) + ")";
        if (bad.empty()) return say("folders", Verdict::good, "/var/lib/xen, /var/log/xen and /run/xen are writable");
        say("folders", Verdict::warning, "not writable: " + bad, "mkdir -p them, and be root");
    }

    Host& host_;
    const PreflightOptions& options_;
    xc::Control* control_ = nullptr;
    std::vector<Check> checks_;
};

} // namespace

std::vector<Check> preflight(Host& host, const PreflightOptions& options) { return Preflight(host, options).run(); }

} // namespace hospes::xl::report
