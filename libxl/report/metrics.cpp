// SPDX-License-Identifier: MIT
#include "libxl/report/metrics.hpp"

#include <dirent.h>

#include <algorithm>
#include <fstream>

#include "libxl/device/spec_text.hpp"
#include "libxl/report/prometheus.hpp"
#include "libxl/types/basic.hpp"

namespace hospes::xl::report {
namespace {

constexpr std::uint64_t page = 4096;

struct Vcpu {
    bool online = false;
    std::uint64_t nanoseconds = 0;
};
struct Domain {
    xc::DomainInfo info;
    std::string id, name;
    DomainType type = DomainType::invalid;
    std::vector<Vcpu> vcpus;
};
/// A device's counter as the kernel of dom0 keeps it.
struct Counter {
    std::string domain, device;
    std::uint64_t value = 0;
};

std::vector<std::string> entries(const std::string& directory) {
    std::vector<std::string> names;
    DIR* const listing = ::opendir(directory.c_str());
    if (!listing) return names;
    while (const dirent* entry = ::readdir(listing))
        if (entry->d_name[0] != '.') names.emplace_back(entry->d_name);
    ::closedir(listing);
    std::sort(names.begin(), names.end());
    return names;
}

/// "PREFIX-DOMAIN-NUMBER" or "PREFIXDOMAIN.NUMBER".
bool split_device(const std::string& name, std::string_view prefix, char separator, Counter& out) {
    if (!name.starts_with(prefix)) return false;
    const auto at = name.find(separator, prefix.size());
    if (at == std::string::npos) return false;
    out.domain = name.substr(prefix.size(), at - prefix.size());
    out.device = name.substr(at + 1);
    return to_number<unsigned>(out.domain) && to_number<unsigned>(out.device);
}

std::vector<Counter> counters(const std::string& directory, std::string_view prefix, char separator,
                              const std::string& file) {
    std::vector<Counter> out;
    for (const std::string& name : entries(directory)) {
        Counter counter;
        std::ifstream in(directory + "/" + name + "/statistics/" + file);
        if (split_device(name, prefix, separator, counter) && in >> counter.value) out.push_back(counter);
    }
    return out;
}

class Writer {
  public:
    Writer(Host& host, std::string sys) : host_(host), sys_(std::move(sys)) {}

    Result<std::string> run() {
        control_ = HOSPES_TRY(host_.control());
        HOSPES_TRY(host());
        HOSPES_TRY(gather());
        domain_state();
        domain_memory();
        domain_time();
        scheduling();
        devices();
        return out_.text();
    }

  private:
    Status host() {
        const xc::VersionInfo version = HOSPES_TRY(control_->version());
        out_.family("xen_info", "gauge", "The hypervisor.");
        out_.sample({{"version", std::to_string(version.major) + "." + std::to_string(version.minor) + version.extra},
                     {"changeset", version.changeset}},
                    std::uint64_t{1});
        const xc::PhysInfo info = HOSPES_TRY(control_->phys_info());
        out_.family("xen_cpus", "gauge", "Physical CPUs that are online.");
        out_.sample({}, std::uint64_t{info.nr_cpus});
        out_.family("xen_memory_bytes", "gauge", "Memory of the machine by what it is used for now.");
        const std::uint64_t claimed = std::min(info.outstanding_pages, info.free_pages);
        out_.sample({{"state", "total"}}, info.total_pages * page);
        out_.sample({{"state", "free"}}, (info.free_pages - claimed) * page);
        out_.sample({{"state", "claimed"}}, claimed * page);
        out_.sample({{"state", "scrubbing"}}, info.scrub_pages * page);
        scheduler_ = HOSPES_TRY(control_->scheduler());
        out_.family("xen_scheduler_info", "gauge", "The scheduler of new CPU pools.");
        out_.sample({{"name", std::string(to_string(static_cast<Scheduler>(scheduler_)))}}, std::uint64_t{1});
        return {};
    }

    Status gather() {
        for (const xc::DomainInfo& info : HOSPES_TRY(control_->list())) {
            Domain domain{info, std::to_string(info.domain), host_.name_of(info.domain), type_of(host_, info), {}};
            for (unsigned vcpu = 0; vcpu <= info.max_vcpu_id; ++vcpu) {
                const auto state = control_->vcpu_info(info.domain, vcpu);
                if (!state) break; // no such vCPU yet, or the domain is going
                domain.vcpus.push_back({state->online != 0, state->cpu_time});
            }
            domains_.push_back(std::move(domain));
        }
        return {};
    }

    void domain_state() {
        out_.family("xen_domain_info", "gauge", "Each domain, with what does not change while it lives.");
        for (const Domain& d : domains_) {
            Uuid uuid;
            std::copy(d.info.handle, d.info.handle + sizeof d.info.handle, uuid.bytes.begin());
            out_.sample({{"domid", d.id},
                         {"name", d.name},
                         {"uuid", to_string(uuid)},
                         {"type", std::string(to_string(d.type))}},
                        std::uint64_t{1});
        }
        out_.family("xen_domain_state", "gauge", "1 for what a domain is: running, blocked, paused, shutdown, dying.");
        for (const Domain& d : domains_) {
            const DomainState s = state_of(d.info);
            const auto one = [&](const char* name, bool is) {
                out_.sample({{"domid", d.id}, {"name", d.name}, {"state", name}}, std::uint64_t{is});
            };
            one("running", s.running);
            one("blocked", s.blocked);
            one("paused", s.paused);
            one("shutdown", s.shut_down);
            one("dying", s.dying);
        }
    }

    void domain_memory() {
        out_.family("xen_domain_memory_bytes", "gauge", "Memory that a domain has.");
        for (const Domain& d : domains_)
            out_.sample({{"domid", d.id}, {"name", d.name}}, d.info.tot_pages * page);
        out_.family("xen_domain_memory_max_bytes", "gauge",
                    "Memory that a domain may have; absent when there is no limit.");
        for (const Domain& d : domains_)
            if (d.info.max_pages < (std::uint64_t{1} << 50) / page)
                out_.sample({{"domid", d.id}, {"name", d.name}}, d.info.max_pages * page);
    }

    void domain_time() {
        out_.family("xen_domain_cpu_seconds_total", "counter", "CPU time that a domain has used.");
        for (const Domain& d : domains_)
            out_.sample({{"domid", d.id}, {"name", d.name}}, static_cast<double>(d.info.cpu_time) / 1e9);
        out_.family("xen_domain_vcpus_online", "gauge", "vCPUs that are online.");
        for (const Domain& d : domains_)
            out_.sample({{"domid", d.id}, {"name", d.name}}, std::uint64_t{d.info.nr_online_vcpus});
        out_.family("xen_domain_vcpu_seconds_total", "counter", "CPU time that a vCPU has used.");
        for (const Domain& d : domains_)
            for (std::size_t i = 0; i < d.vcpus.size(); ++i)
                if (d.vcpus[i].online)
                    out_.sample({{"domid", d.id}, {"name", d.name}, {"vcpu", std::to_string(i)}},
                                static_cast<double>(d.vcpus[i].nanoseconds) / 1e9);
    }

    /// The parameters of credit2; other schedulers' are not read.
    void scheduling() {
        if (static_cast<Scheduler>(scheduler_) != Scheduler::credit2) return;
        std::vector<std::pair<const Domain*, xen_domctl_sched_credit2>> known;
        for (const Domain& d : domains_)
            if (const auto params = control_->credit2_get(d.info.domain)) known.emplace_back(&d, *params);
        out_.family("xen_domain_sched_weight", "gauge", "Share of the CPUs that a domain gets beside others.");
        for (const auto& [d, params] : known)
            out_.sample({{"domid", d->id}, {"name", d->name}}, std::uint64_t{params.weight});
        out_.family("xen_domain_sched_cap_ratio", "gauge", "CPUs that a domain gets at most; 0 is without limit.");
        for (const auto& [d, params] : known)
            out_.sample({{"domid", d->id}, {"name", d->name}}, params.cap / 100.0);
    }

    /// Without what belongs to a domain that is not there: an interface may outlive it for a moment.
    void device_family(const char* name, const char* help, const std::vector<Counter>& all, std::uint64_t unit = 1) {
        out_.family(name, "counter", help);
        for (const Counter& c : all) {
            const auto owner =
                std::find_if(domains_.begin(), domains_.end(), [&](const Domain& d) { return d.id == c.domain; });
            if (owner != domains_.end())
                out_.sample({{"domid", c.domain}, {"name", owner->name}, {"device", c.device}}, c.value * unit);
        }
    }
    void devices() {
        const std::string net = sys_ + "/class/net", backends = sys_ + "/bus/xen-backend/devices";
        // What the host's end of an interface receives, the guest has sent.
        device_family("xen_domain_network_transmit_bytes_total", "Bytes that a guest sent.",
                      counters(net, "vif", '.', "rx_bytes"));
        device_family("xen_domain_network_receive_bytes_total", "Bytes that a guest got.",
                      counters(net, "vif", '.', "tx_bytes"));
        device_family("xen_domain_network_transmit_packets_total", "Packets that a guest sent.",
                      counters(net, "vif", '.', "rx_packets"));
        device_family("xen_domain_network_receive_packets_total", "Packets that a guest got.",
                      counters(net, "vif", '.', "tx_packets"));
        device_family("xen_domain_block_read_requests_total", "Read requests of a guest.",
                      counters(backends, "vbd-", '-', "rd_req"));
        device_family("xen_domain_block_write_requests_total", "Write requests of a guest.",
                      counters(backends, "vbd-", '-', "wr_req"));
        device_family("xen_domain_block_read_bytes_total", "Bytes that a guest read.",
                      counters(backends, "vbd-", '-', "rd_sect"), 512);
        device_family("xen_domain_block_write_bytes_total", "Bytes that a guest wrote.",
                      counters(backends, "vbd-", '-', "wr_sect"), 512);
    }

    Host& host_;
    std::string sys_;
    xc::Control* control_ = nullptr;
    unsigned scheduler_ = 0;
    std::vector<Domain> domains_;
    Prometheus out_;
};

} // namespace

Result<std::string> metrics(Host& host, const std::string& sys) { return Writer(host, sys).run(); }

} // namespace hospes::xl::report
