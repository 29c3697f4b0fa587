// SPDX-License-Identifier: MIT
#include "xl/output/host_text.hpp"

#include "xl/output/text.hpp"

namespace hospes::output {

std::string facts_text(const xl::Facts& facts) {
    std::string out;
    for (const auto& [name, value] : facts)
        append(out, "%-23s: %s\n", name.c_str(), value.c_str());
    return out;
}

std::string facts_named(const xl::Facts& facts, std::string_view name) {
    std::string out;
    for (const auto& [fact, value] : facts)
        if (std::string_view(fact).starts_with(name)) out += value + "\n";
    return out;
}

std::string topology_text(const xl::Topology& topology) {
    std::string out = "cpu_topology           :\ncpu:    core    socket     node\n";
    for (const xl::CpuPlace& cpu : topology.cpus)
        append(out, "%3u:    %4u     %4u     %4u\n", cpu.cpu, cpu.core, cpu.socket, cpu.node);
    out += "device topology        :\ndevice           node\n";
    for (const xl::DevicePlace& device : topology.devices)
        append(out, "%s      %u\n", device.address.c_str(), device.node);
    if (topology.devices.empty()) out += "No device topology data available\n";
    out += "numa_info              :\nnode:    memsize    memfree    distances\n";
    for (const xl::NodeMemory& node : topology.nodes) {
        append(out, "%4u:    %6lu     %6lu      ", node.node, node.size_bytes >> 20, node.free_bytes >> 20);
        for (std::size_t i = 0; i < node.distances.size(); ++i)
            append(out, "%s%u", i ? "," : "", node.distances[i]);
        out += "\n";
    }
    return out;
}

void info_json(Json& json, const xl::HostFacts& facts, const xl::Topology* topology) {
    json.open_map();
    for (const xl::Facts* part : {&facts.machine, &facts.hypervisor})
        for (const auto& [name, value] : *part)
            json.field(name, value);
    if (topology) {
        json.key("cpu_topology");
        json.open_array();
        for (const xl::CpuPlace& cpu : topology->cpus) {
            json.open_map();
            json.field("cpu", cpu.cpu);
            json.field("core", cpu.core);
            json.field("socket", cpu.socket);
            json.field("node", cpu.node);
            json.close_map();
        }
        json.close_array();
        json.key("numa_info");
        json.open_array();
        for (const xl::NodeMemory& node : topology->nodes) {
            json.open_map();
            json.field("node", node.node);
            json.field("size_bytes", node.size_bytes);
            json.field("free_bytes", node.free_bytes);
            json.key("distances");
            json.open_array();
            for (const std::uint32_t distance : node.distances)
                json.value(distance);
            json.close_array();
            json.close_map();
        }
        json.close_array();
    }
    json.close_map();
}

std::string pool_table(const std::vector<xl::CpuPool>& pools) {
    std::string out;
    append(out, "%-19sCPUs   Sched     Active   Domain count\n", "Name");
    for (const xl::CpuPool& pool : pools)
        append(out, "%-19s%3u %9s       y       %4u\n", pool.name.c_str(), pool.cpus.count(),
               std::string(to_string(pool.scheduler)).c_str(), pool.domains);
    return out;
}

std::string pool_cpu_table(const std::vector<xl::CpuPool>& pools) {
    std::string out;
    append(out, "%-19sCPU list\n", "Name");
    for (const xl::CpuPool& pool : pools) {
        append(out, "%-19s", pool.name.c_str());
        const char* separator = "";
        for (const unsigned cpu : pool.cpus.members()) {
            append(out, "%s%u", separator, cpu);
            separator = ",";
        }
        out += "\n";
    }
    return out;
}

void pool_json(Json& json, const std::vector<xl::CpuPool>& pools) {
    json.open_array();
    for (const xl::CpuPool& pool : pools) {
        json.open_map();
        json.field("name", pool.name);
        json.field("id", pool.id);
        json.field("scheduler", to_string(pool.scheduler));
        json.field("domains", pool.domains);
        json.key("cpus");
        json.open_array();
        for (const unsigned cpu : pool.cpus.members())
            json.value(cpu);
        json.close_array();
        json.close_map();
    }
    json.close_array();
}

} // namespace hospes::output
