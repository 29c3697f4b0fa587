// SPDX-License-Identifier: MIT
#include "xl/command.hpp"

#include <cstdio>

#include "libxl/types/basic.hpp"
#include "xl/output/json.hpp"

namespace hospes::cli {
namespace {

std::uint64_t memory_mib(const xc::DomainInfo& d) { return (d.tot_pages + d.outstanding_pages) >> 8; }
double cpu_seconds(const xc::DomainInfo& d) { return static_cast<double>(d.cpu_time) / 1e9; }

xl::Uuid uuid_of(const xc::DomainInfo& d) {
    xl::Uuid uuid;
    std::copy(d.handle, d.handle + sizeof(d.handle), uuid.bytes.begin());
    return uuid;
}

/// The six letters of the State column.
std::string state_letters(const xc::DomainInfo& d) {
    const xl::DomainState s = xl::state_of(d);
    std::string out = "------";
    const bool crashed = s.shut_down && s.reason == xl::ShutdownReason::crash;
    const bool flags[] = {s.running, s.blocked, s.paused, s.shut_down, crashed, s.dying};
    for (std::size_t i = 0; i < out.size(); ++i)
        if (flags[i]) out[i] = "rbpscd"[i];
    return out;
}

class ListCommand final : public Command {
  public:
    static constexpr std::string_view verb = "list";
    [[nodiscard]] std::string_view name() const override { return verb; }
    [[nodiscard]] std::string_view help() const override {
        return
#include "list.md.inc"
            ;
    }
    [[nodiscard]] std::vector<Option> options() override {
        return {{'v', "verbose", false, [this](const char*) { verbose_ = true; }},
                {'Z', "context", false, [this](const char*) { label_ = true; }},
                {'c', "cpupool", false, [this](const char*) { pool_ = true; }},
                {'n', "numa", false, [this](const char*) { numa_ = true; }},
                {0, "type", false, [this](const char*) { type_ = true; }}};
    }
    int run(Context& context, std::span<const std::string> arguments) override {
        xc::Control* const control = XL_TRY(context.host.control());
        std::vector<xc::DomainInfo> domains;
        if (arguments.empty()) domains = XL_TRY(control->list());
        for (const std::string& wanted : arguments) {
            const xc::DomId domain = XL_TRY(context.host.find(wanted));
            domains.push_back(XL_TRY(control->info(domain)));
        }
        if (context.json)
            print_json(context.host, domains);
        else
            print_table(context.host, domains);
        return exit_success;
    }

  private:
    void print_table(xl::Host& host, const std::vector<xc::DomainInfo>& domains) const {
        std::printf("Name                                        ID   Mem VCPUs\tState\tTime(s)");
        if (verbose_) std::printf("   UUID                            Reason-Code\tSecurity Label");
        if (label_ && !verbose_) std::printf("   Security Label");
        if (pool_) std::printf("         Cpupool");
        if (numa_) std::printf(" NODE Affinity");
        if (type_) std::printf(" Type");
        std::printf("\n");
        for (const xc::DomainInfo& d : domains)
            print_row(host, d);
    }
    void print_row(xl::Host& host, const xc::DomainInfo& d) const {
        std::printf("%-40s %5d %5lu %5d     %s  %8.1f", host.name_of(d.domain).c_str(), d.domain, memory_mib(d),
                    d.nr_online_vcpus, state_letters(d).c_str(), cpu_seconds(d));
        if (verbose_) {
            const xl::DomainState s = xl::state_of(d);
            std::printf(" %s", to_string(uuid_of(d)).c_str());
            if (s.shut_down)
                std::printf(" %8x", static_cast<unsigned>(s.reason));
            else
                std::printf(" %8s", "-");
        }
        if (verbose_ || label_) std::printf(" %16s", "-");
        if (pool_) std::printf("%16s", host.pool_name(d.cpupool).ok() ? (*host.pool_name(d.cpupool)).c_str() : "-");
        if (numa_) std::printf(" %s", "all");
        if (type_) std::printf(" %s", std::string(to_string(xl::type_of(host, d))).c_str());
        std::printf("\n");
    }
    static void print_json(xl::Host& host, const std::vector<xc::DomainInfo>& domains) {
        output::Json json(stdout);
        json.open_array();
        for (const xc::DomainInfo& d : domains) {
            json.open_map();
            json.field("name", host.name_of(d.domain));
            json.field("domid", static_cast<std::uint64_t>(d.domain));
            json.field("uuid", to_string(uuid_of(d)));
            json.field("type", std::string(to_string(xl::type_of(host, d))));
            json.field("memory_mib", memory_mib(d));
            json.field("vcpus", static_cast<std::uint64_t>(d.nr_online_vcpus));
            json.field("state", state_letters(d));
            json.field("cpu_ns", d.cpu_time);
            json.close_map();
        }
        json.close_array();
    }

    bool verbose_ = false, label_ = false, pool_ = false, numa_ = false, type_ = false;
};

const Register<ListCommand> registration;

} // namespace
} // namespace hospes::cli
