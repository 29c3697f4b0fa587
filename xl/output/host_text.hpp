// SPDX-License-Identifier: MIT
// `xl info` and `xl cpupool-list` as the stock xl prints them.
#pragma once

#include "libxl/host/cpupools.hpp"
#include "libxl/host/facts.hpp"
#include "xl/output/json.hpp"

namespace hospes::output {

/// "name                   : value" per fact.
std::string facts_text(const xl::Facts& facts);
/// The value of the facts whose name begins with `name`, a line each (`xl info free_memory`).
std::string facts_named(const xl::Facts& facts, std::string_view name);
std::string topology_text(const xl::Topology& topology);
/// The facts as one object; numbers stay texts, as the table has them. `topology` may be null.
void info_json(Json& json, const xl::HostFacts& facts, const xl::Topology* topology);

std::string pool_table(const std::vector<xl::CpuPool>& pools);
std::string pool_cpu_table(const std::vector<xl::CpuPool>& pools);
void pool_json(Json& json, const std::vector<xl::CpuPool>& pools);

} // namespace hospes::output
