// SPDX-License-Identifier: MIT
// The formatters against what the stock xl printed for the same data (tests/golden/xl).
#include <catch2/catch.hpp>
#include <cstdio>

#include "golden.hpp"
#include "libxl/host/cpu_set.hpp"
#include "xl/output/configuration.hpp"
#include "xl/output/device_table.hpp"
#include "xl/output/domain_table.hpp"
#include "xl/output/host_text.hpp"
#include "xl/output/sched_table.hpp"

using namespace hospes;
using namespace hospes::output;

namespace {

xl::Bitmap set_of(std::initializer_list<unsigned> members) {
    xl::Bitmap set;
    for (const unsigned member : members)
        set.set(member);
    return set;
}

/// Domain 0 of the recorded host; `seconds` is what its Time column shows.
xl::DomainRow domain0(double seconds) {
    xl::DomainRow row;
    row.name = "Domain-0";
    row.state.running = true;
    row.memory_kib = 786432;
    row.online_vcpus = 2;
    row.cpu_ns = static_cast<std::uint64_t>(seconds * 1e9);
    row.pool = "Pool-0";
    row.nodes = set_of({0});
    return row;
}

/// The number before a newline in the only row, or the given column of it.
double seconds_in(const std::string& table, std::size_t column = 5) {
    std::string row = table.substr(table.find('\n') + 1);
    std::size_t at = 0;
    for (std::size_t i = 0; i < column; ++i)
        at = row.find_first_not_of(' ', row.find(' ', at));
    return std::stod(row.substr(at));
}

std::string json_text(const std::function<void(Json&)>& write) {
    std::FILE* const file = std::tmpfile();
    {
        Json json(file);
        write(json);
    }
    std::rewind(file);
    std::string out;
    for (int c; (c = std::fgetc(file)) != EOF;)
        out += static_cast<char>(c);
    std::fclose(file);
    return out;
}

} // namespace

TEST_CASE("xl list in all its forms") {
    const auto check = [](const char* file, const ListColumns& columns) {
        const std::string stock = golden(file);
        CHECK(domain_table({domain0(seconds_in(stock))}, columns) == stock);
    };
    check("list.txt", {});
    check("list-v.txt", {.verbose = true});
    check("list-Z.txt", {.label = true});
    check("list-c.txt", {.pool = true});
    check("list-n.txt", {.numa = true});
    check("list-vcn.txt", {.verbose = true, .pool = true, .numa = true});
    check("claims.txt", {.claims = true});
    CHECK(sharing_table({domain0(0)}) == golden("sharing.txt"));
    CHECK(vm_table({domain0(0)}) == golden("vm-list.txt"));
    CHECK(domain_table({domain0(1)}, {.type = true}).find("Time(s) Type\n") != std::string::npos);
}

TEST_CASE("the six letters of a state") {
    xl::DomainState s;
    CHECK(state_letters(s) == "------");
    s.blocked = s.paused = true;
    CHECK(state_letters(s) == "-bp---");
    s = {};
    s.shut_down = true;
    for (const auto& [reason, letter] : {std::pair{xl::ShutdownReason::poweroff, '-'},
                                         {xl::ShutdownReason::reboot, 'r'},
                                         {xl::ShutdownReason::suspend, 's'},
                                         {xl::ShutdownReason::crash, 'c'},
                                         {xl::ShutdownReason::watchdog, 'w'},
                                         {xl::ShutdownReason::soft_reset, 'S'},
                                         {xl::ShutdownReason::unknown, '?'}}) {
        s.reason = reason;
        CHECK(state_letters(s) == std::string("---s") + letter + "-");
    }
    s = {};
    s.running = s.dying = true;
    CHECK(state_letters(s) == "r----d");
}

TEST_CASE("long names and big numbers push columns, they are never cut") {
    xl::DomainRow row = domain0(1e6);
    row.name = std::string(60, 'n');
    row.id = 32751;
    row.memory_kib = 4ULL << 30; // 4 TiB
    row.online_vcpus = 512;
    const std::string table = domain_table({row}, {});
    CHECK(table.find(std::string(60, 'n') + " 32751 4194304   512     r-----  1000000.0\n") != std::string::npos);
}

TEST_CASE("xl vcpu-list") {
    DomainVcpus domain{0, "Domain-0", {}};
    domain.vcpus.push_back({0, true, false, true, 0, 187000000000ULL, set_of({0, 1}), set_of({0, 1})});
    domain.vcpus.push_back({1, true, true, false, 1, 167400000000ULL, set_of({0, 1}), set_of({0, 1})});
    CHECK(vcpu_heading() + vcpu_rows(domain, 2) == golden("vcpu-list.txt"));
    domain.vcpus = {{3, false, false, false, 0, 201100000000ULL, set_of({1}), {}}};
    CHECK(vcpu_rows(domain, 2) == "Domain-0                             0     3    -   --p     201.1  1 / none\n");
}

TEST_CASE("xl info") {
    // The facts are taken from the recorded text itself: layout and order are what is compared.
    xl::Facts facts;
    std::string text = golden("info.txt");
    for (std::size_t at = 0; at < text.size(); at = text.find('\n', at) + 1) {
        const std::string line = text.substr(at, text.find('\n', at) - at);
        facts.emplace_back(line.substr(0, line.find(' ')), line.substr(25));
    }
    CHECK(facts.size() == 34);
    CHECK(facts_text(facts) == text);
    CHECK(facts_named(facts, "nr_cpus") == "2\n");
    CHECK(facts_named(facts, "nr_") == "2\n1\n");
    CHECK(facts_named(facts, "nosuch").empty());

    xl::Topology topology;
    topology.cpus = {{0, 0, 0, 0}, {1, 1, 0, 0}};
    topology.nodes = {{0, 2047ULL << 20, 1256ULL << 20, {10}}};
    const std::string with_numa = golden("info-n.txt");
    CHECK(with_numa.find(topology_text(topology)) != std::string::npos);
    topology.devices = {{"0000:00:1f.2", 0}};
    topology.nodes.push_back({1, 1ULL << 30, 1ULL << 20, {20, 10}});
    CHECK(topology_text(topology).find("device           node\n0000:00:1f.2      0\nnuma_info") != std::string::npos);
    CHECK(topology_text(topology).ends_with("   1:      1024          1      20,10\n"));
}

TEST_CASE("CPU pools") {
    const std::vector<xl::CpuPool> pools{{0, "Pool-0", xl::Scheduler::credit2, 1, set_of({0, 1})}};
    CHECK(pool_table(pools) == golden("cpupool-list.txt"));
    CHECK(pool_cpu_table(pools) == golden("cpupool-list-c.txt"));
    CHECK(json_text([&](Json& json) { pool_json(json, pools); }).find("\"scheduler\": \"credit2\"") !=
          std::string::npos);
}

TEST_CASE("scheduler parameters") {
    const xl::Scheduler credit2 = xl::Scheduler::credit2;
    const DomainSched row{0, "Domain-0", {credit2, 256U, 0U, {}, {}, {}}};
    CHECK(sched_pool("Pool-0", credit2, xl::PoolScheduling{{}, {}, 1000U}) + sched_heading(credit2) + sched_row(row) ==
          golden("sched-credit2.txt"));
    CHECK(sched_pool("p", xl::Scheduler::credit, xl::PoolScheduling{30U, 0U, 1000U}) ==
          "Cpupool p: tslice=30ms ratelimit=1000us migration-delay=0us\n");
    CHECK(sched_pool("p", credit2, std::nullopt) == "Cpupool p: [sched params unavailable]\n");
    CHECK(sched_pool("p", xl::Scheduler::rtds, std::nullopt) == "Cpupool p: sched=RTDS\n");
    CHECK(sched_heading(xl::Scheduler::rtds) ==
          "Name                                ID    Period    Budget  Extratime\n");
    CHECK(sched_vcpu_heading() == "Name                                ID VCPU    Period    Budget  Extratime\n");
    CHECK(sched_vcpu_row({1, "g", {0, 10000, 4000, true}}) ==
          "g                                    1    0     10000      4000        yes\n");
}

TEST_CASE("uptimes") {
    CHECK(uptime_text(0, false) == " 0:00:00");
    CHECK(uptime_text(59, true) == " 0:00");
    CHECK(uptime_text(86400 + 3 * 3600 + 4 * 60 + 5, false) == "1 day,  3:04:05");
    CHECK(uptime_text(2 * 86400 + 11 * 3600, true) == "2 days, 11:00");
    CHECK(uptime_table({{0, "Domain-0", 3 * 60 + 36}}).find("0  0:0") != std::string::npos);
    const std::string stock = golden("uptime.txt"), brief = golden("uptime-s.txt");
    CHECK(uptime_table({{0, "Domain-0", 5 * 60 + 17}}) == stock);
    CHECK(uptime_brief({{0, "Domain-0", 5 * 60}}, "16:06:02") == brief);
}

TEST_CASE("the device lists") {
    CHECK(block_table.heading() == golden("block-list-none.txt"));
    CHECK(network_table.heading() == golden("network-list-none.txt"));
    CHECK(channel_table.heading() == golden("channel-list-none.txt"));
    xl::AttachedDevice disk;
    disk.devid = 51712;
    disk.state = 4;
    disk.backend_path = "/local/domain/0/backend/vbd/1/51712";
    CHECK(block_table.heading() + block_table.row(1, disk, 0) == golden("block-list.txt"));
    xl::AttachedDevice nic;
    nic.state = 4;
    nic.mac = "00:16:3e:00:00:01";
    nic.backend_path = "/local/domain/0/backend/vif/1/0";
    CHECK(network_table.heading() + network_table.row(1, nic, 0) == golden("network-list.txt"));
}

TEST_CASE("xl list -l") {
    xl::DomainConfig config;
    config.c_info.type = config.b_info.type = xl::DomainType::pv;
    config.c_info.name = "Domain-0";
    config.b_info.max_memkb = 786432;
    config.b_info.target_memkb = 786431;
    config.b_info.sched_params.sched = xl::Scheduler::credit2;
    config.b_info.sched_params.weight = 256;
    config.b_info.sched_params.cap = 0;
    config.on_reboot = config.on_soft_reset = xl::ActionOnShutdown::destroy; // the stock one leaves them out here
    CHECK(configurations_text({{0, config}}) == golden("list-l.txt"));
    CHECK(configuration_text(std::nullopt, config).starts_with("{\n    \"domid\": null,\n    \"config\": {\n"));
    CHECK(configurations_text({{0, config}, {1, config}}).find("    },\n    {\n        \"domid\": 1,") !=
          std::string::npos);
}

TEST_CASE("JSON of lists is well formed and complete") {
    xl::DomainRow row = domain0(2.5);
    row.name = "a \"quoted\" name\n";
    row.max_kib = ~std::uint64_t{0};
    const std::string text = json_text([&](Json& json) { domain_json(json, {row}); });
    CHECK(text.find("\"name\": \"a \\\"quoted\\\" name\\n\"") != std::string::npos);
    CHECK(text.find("\"cpu_ns\": 2500000000") != std::string::npos);
    CHECK(text.find("\"max_memory_kib\": null") != std::string::npos);
    CHECK(text.find("\"state\": \"r-----\"") != std::string::npos);
    CHECK(json_text([](Json& json) { json.value(true); }) == "true\n");
    CHECK(json_text([](Json& json) { json.value(-3); }) == "-3\n");
    xl::AttachedDevice disk;
    disk.kind = "vbd";
    disk.devid = 51712;
    disk.vdev = "xvda";
    const std::string device = json_text([&](Json& json) { device_json(json, 3, disk); });
    CHECK(device.find("\"vdev\": \"xvda\"") != std::string::npos);
    CHECK(device.find("state") == std::string::npos); // what is not known is left out
}
