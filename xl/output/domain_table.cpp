// SPDX-License-Identifier: MIT
#include "xl/output/domain_table.hpp"

#include "libxl/host/cpu_set.hpp"
#include "xl/output/text.hpp"

namespace hospes::output {
namespace {

std::uint64_t memory_mib(const xl::DomainRow& row) { return (row.memory_kib + row.outstanding_kib) / 1024; }
double seconds(std::uint64_t nanoseconds) { return static_cast<double>(static_cast<float>(nanoseconds) / 1e9); }

std::string row_text(const xl::DomainRow& row, const ListColumns& columns) {
    std::string out;
    append(out, "%-40s %5d %5lu %5u     %s  %8.1f", row.name.c_str(), row.id, memory_mib(row), row.online_vcpus,
           state_letters(row.state).c_str(), seconds(row.cpu_ns));
    if (columns.verbose) {
        append(out, " %s", to_string(row.uuid).c_str());
        if (row.state.shut_down)
            append(out, " %8x", static_cast<unsigned>(row.state.reason));
        else
            append(out, " %8s", "-");
    }
    if (columns.claims) append(out, " %5lu", row.outstanding_kib / 1024);
    if (columns.verbose || columns.label) append(out, " %16s", row.label.empty() ? "-" : row.label.c_str());
    if (columns.pool) append(out, "%16s", row.pool.c_str());
    if (columns.numa) append(out, " %s", set_text(row.nodes, columns.nodes).c_str());
    if (columns.type) append(out, " %s", std::string(to_string(row.type)).c_str());
    return out + "\n";
}

} // namespace

std::string state_letters(const xl::DomainState& s) {
    // One letter per reason: none, reboot, suspend, crash, watchdog, soft reset.
    constexpr std::string_view reasons = "-rscwS";
    const auto reason = s.shut_down ? static_cast<std::size_t>(s.reason) : 0;
    std::string out;
    out += s.running ? 'r' : '-';
    out += s.blocked ? 'b' : '-';
    out += s.paused ? 'p' : '-';
    out += s.shut_down ? 's' : '-';
    out += reason < reasons.size() ? reasons[reason] : '?';
    out += s.dying ? 'd' : '-';
    return out;
}

std::string domain_table(const std::vector<xl::DomainRow>& rows, const ListColumns& columns) {
    std::string out = "Name                                        ID   Mem VCPUs\tState\tTime(s)";
    if (columns.verbose) out += "   UUID                            Reason-Code\tSecurity Label";
    if (columns.label && !columns.verbose) out += "   Security Label";
    if (columns.claims) out += "  Claimed";
    if (columns.pool) out += "         Cpupool";
    if (columns.numa) out += " NODE Affinity";
    if (columns.type) out += " Type";
    out += "\n";
    for (const xl::DomainRow& row : rows)
        out += row_text(row, columns);
    return out;
}

void domain_json(Json& json, const std::vector<xl::DomainRow>& rows) {
    json.open_array();
    for (const xl::DomainRow& row : rows) {
        json.open_map();
        json.field("name", row.name);
        json.field("domid", row.id);
        json.field("uuid", to_string(row.uuid));
        json.field("type", to_string(row.type));
        json.field("memory_mib", memory_mib(row));
        json.field("memory_kib", row.memory_kib);
        json.field("claimed_kib", row.outstanding_kib);
        json.field("shared_kib", row.shared_kib);
        json.key("max_memory_kib");
        if (row.max_kib == ~std::uint64_t{0})
            json.null(); // no limit
        else
            json.value(row.max_kib);
        json.field("vcpus", row.online_vcpus);
        json.field("max_vcpus", row.max_vcpus);
        json.field("state", state_letters(row.state));
        if (row.state.shut_down) json.field("shutdown_reason", to_string(row.state.reason));
        json.field("cpu_ns", row.cpu_ns);
        json.field("cpupool", row.pool);
        json.key("node_affinity");
        json.open_array();
        for (const unsigned node : row.nodes.members())
            json.value(node);
        json.close_array();
        if (!row.label.empty()) json.field("security_label", row.label);
        json.close_map();
    }
    json.close_array();
}

std::string sharing_table(const std::vector<xl::DomainRow>& rows) {
    std::string out = "Name                                        ID   Mem Shared\n";
    for (const xl::DomainRow& row : rows)
        append(out, "%-40s %5d %5lu  %5lu\n", row.name.c_str(), row.id, memory_mib(row), row.shared_kib / 1024);
    return out;
}

std::string vm_table(const std::vector<xl::DomainRow>& rows) {
    std::string out = "UUID                                  ID    name\n";
    for (const xl::DomainRow& row : rows)
        append(out, "%s  %d    %-30s\n", to_string(row.uuid).c_str(), row.id, row.name.c_str());
    return out;
}

std::string vcpu_heading() {
    std::string out;
    append(out, "%-32s %5s %5s %5s %5s %9s %s\n", "Name", "ID", "VCPU", "CPU", "State", "Time(s)",
           "Affinity (Hard / Soft)");
    return out;
}

std::string vcpu_rows(const DomainVcpus& domain, unsigned cpus) {
    std::string out;
    for (const xl::VcpuRow& vcpu : domain.vcpus) {
        append(out, "%-32s %5u %5u", domain.name.c_str(), domain.id, vcpu.id);
        if (vcpu.online)
            append(out, "%5u %3c%c- ", vcpu.cpu, vcpu.running ? 'r' : '-', vcpu.blocked ? 'b' : '-');
        else
            append(out, "%5c %3c%cp ", '-', '-', '-');
        append(out, "%9.1f  %s / %s\n", seconds(vcpu.cpu_ns), set_text(vcpu.hard, cpus).c_str(),
               set_text(vcpu.soft, cpus).c_str());
    }
    return out;
}

void vcpu_json(Json& json, const std::vector<DomainVcpus>& domains, unsigned cpus) {
    json.open_array();
    for (const DomainVcpus& domain : domains)
        for (const xl::VcpuRow& vcpu : domain.vcpus) {
            json.open_map();
            json.field("name", domain.name);
            json.field("domid", domain.id);
            json.field("vcpu", vcpu.id);
            json.key("cpu");
            if (vcpu.online)
                json.value(vcpu.cpu);
            else
                json.null();
            json.field("online", vcpu.online);
            json.field("running", vcpu.running);
            json.field("blocked", vcpu.blocked);
            json.field("cpu_ns", vcpu.cpu_ns);
            json.field("hard_affinity", set_text(vcpu.hard, cpus));
            json.field("soft_affinity", set_text(vcpu.soft, cpus));
            json.close_map();
        }
    json.close_array();
}

std::string uptime_text(std::uint64_t seconds, bool brief) {
    const auto days = seconds / 86400, hours = seconds / 3600 % 24, minutes = seconds / 60 % 60;
    std::string out;
    if (days) append(out, "%lu day%s, ", days, days == 1 ? "" : "s");
    append(out, "%2lu:%02lu", hours, minutes);
    if (!brief) append(out, ":%02lu", seconds % 60);
    return out;
}

std::string uptime_table(const std::vector<Uptime>& rows) {
    std::string out;
    append(out, "%-33s %4s %s\n", "Name", "ID", "Uptime");
    for (const Uptime& row : rows)
        append(out, "%-33s %4d %s\n", row.name.c_str(), row.id, uptime_text(row.seconds, false).c_str());
    return out;
}

std::string uptime_brief(const std::vector<Uptime>& rows, const std::string& clock) {
    std::string out;
    for (const Uptime& row : rows)
        append(out, " %s up %s, %s (%d)\n", clock.c_str(), uptime_text(row.seconds, true).c_str(), row.name.c_str(),
               row.id);
    return out;
}

} // namespace hospes::output
