// SPDX-License-Identifier: MIT
// Tables of domains and vCPUs, letter for letter as the stock xl prints them: Ganeti, Pacemaker and
// many scripts parse them. Pure functions of rows, so that they are tested on recorded data.
#pragma once

#include <string>
#include <vector>

#include "libxl/host/domains.hpp"
#include "xl/output/json.hpp"

namespace hospes::output {

struct ListColumns {
    bool verbose = false, label = false, claims = false, pool = false, numa = false, type = false;
    unsigned nodes = 1; ///< of the machine: how wide the affinity is
};

/// The six letters of the State column.
std::string state_letters(const xl::DomainState& state);
std::string domain_table(const std::vector<xl::DomainRow>& rows, const ListColumns& columns);
void domain_json(Json& json, const std::vector<xl::DomainRow>& rows);

std::string sharing_table(const std::vector<xl::DomainRow>& rows);
/// xl vm-list.
std::string vm_table(const std::vector<xl::DomainRow>& rows);

struct DomainVcpus {
    xc::DomId id = 0;
    std::string name;
    std::vector<xl::VcpuRow> vcpus;
};
std::string vcpu_heading();
std::string vcpu_rows(const DomainVcpus& domain, unsigned cpus);
void vcpu_json(Json& json, const std::vector<DomainVcpus>& domains, unsigned cpus);

/// "2 days,  3:04:05", or without seconds.
std::string uptime_text(std::uint64_t seconds, bool brief);
struct Uptime {
    xc::DomId id = 0;
    std::string name;
    std::uint64_t seconds = 0;
};
std::string uptime_table(const std::vector<Uptime>& rows);
/// " 16:06:02 up  0:05, Domain-0 (0)" for each; `clock` is the time of day.
std::string uptime_brief(const std::vector<Uptime>& rows, const std::string& clock);

} // namespace hospes::output
