// SPDX-License-Identifier: MIT
// `xl metrics` against the grammar of Prometheus' text format, and `xl check` on hosts that lack things.
#include <catch2/catch.hpp>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <map>
#include <regex>
#include <set>
#include <sstream>

#include <boost/asio/io_context.hpp>
#include <boost/asio/local/stream_protocol.hpp>

#include "fake_transport.hpp"
#include "libxl/report/metrics.hpp"
#include "libxl/report/preflight.hpp"
#include "libxl/report/prometheus.hpp"

using namespace hospes;
using namespace hospes::xl;

namespace {

struct Directory {
    std::filesystem::path path;
    Directory() {
        std::string name = (std::filesystem::temp_directory_path() / "report-XXXXXX").string();
        path = ::mkdtemp(name.data());
    }
    ~Directory() { std::filesystem::remove_all(path); }
    void file(const std::string& name, const std::string& text = "") const {
        std::filesystem::create_directories((path / name).parent_path());
        std::ofstream(path / name) << text;
    }
};

/// Samples by "name{labels}". Fails unless the text follows the format: HELP and TYPE before the samples of a
/// family, each family once, names and labels well-formed, no sample twice, a newline at the end.
std::map<std::string, double> parse_prometheus(const std::string& text) {
    static const std::regex comment("# (HELP|TYPE) ([a-zA-Z_:][a-zA-Z0-9_:]*) (.+)");
    static const std::regex sample(
        R"re(([a-zA-Z_:][a-zA-Z0-9_:]*)(\{([a-zA-Z_][a-zA-Z0-9_]*="([^"\\\n]|\\.)*",?)*\})? (\S+))re");
    std::map<std::string, double> out;
    std::set<std::string> families;
    std::string family, kind;
    REQUIRE(text.ends_with('\n'));
    std::istringstream lines(text);
    for (std::string line; std::getline(lines, line);) {
        INFO(line);
        std::smatch part;
        if (std::regex_match(line, part, comment)) {
            if (part[1] == "HELP") {
                family = part[2];
                REQUIRE(families.insert(family).second);
            } else {
                REQUIRE(part[2] == family);
                kind = part[3];
                REQUIRE((kind == "gauge" || kind == "counter"));
                REQUIRE((kind == "counter") == family.ends_with("_total"));
            }
            continue;
        }
        REQUIRE(std::regex_match(line, part, sample));
        REQUIRE(part[1] == family);
        const std::string key = part[1].str() + part[2].str();
        REQUIRE(out.emplace(key, std::stod(part[5])).second);
    }
    return out;
}

Host fake_host(unsigned domains) {
    auto transport = std::make_unique<xc::FakeTransport>();
    xc::Control control(*transport);
    for (unsigned i = 0; i < domains; ++i) {
        xen_domctl_createdomain request{};
        request.max_vcpus = 2;
        REQUIRE(control.create(static_cast<xc::DomId>(i + 1), request));
        REQUIRE(control.max_vcpus(static_cast<xc::DomId>(i + 1), 2));
        REQUIRE(control.max_memory(static_cast<xc::DomId>(i + 1), 65536));
    }
    return Host(std::move(transport));
}

const report::Check& find(const std::vector<report::Check>& checks, const std::string& name) {
    const auto found =
        std::find_if(checks.begin(), checks.end(), [&](const auto& check) { return check.name == name; });
    REQUIRE(found != checks.end());
    return *found;
}

} // namespace

TEST_CASE("labels are escaped") {
    report::Prometheus out;
    out.family("a", "gauge", "Help.");
    out.sample({{"name", "quote\" back\\ line\nend"}}, std::uint64_t{7});
    out.sample({}, 0.5);
    CHECK(out.text() == "# HELP a Help.\n# TYPE a gauge\na{name=\"quote\\\" back\\\\ line\\nend\"} 7\na 0.500000000\n");
    CHECK(parse_prometheus(out.text()).size() == 2);
}

TEST_CASE("metrics of a host follow the format") {
    Host host = fake_host(2);
    const Directory sys;
    sys.file("class/net/vif1.0/statistics/rx_bytes", "1234\n");
    sys.file("class/net/vif99.0/statistics/rx_bytes", "1\n"); // nobody's any more
    sys.file("class/net/eth0/statistics/rx_bytes", "1\n");
    sys.file("bus/xen-backend/devices/vbd-2-51712/statistics/rd_sect", "8\n");
    const auto text = report::metrics(host, sys.path);
    REQUIRE(text);
    const auto samples = parse_prometheus(*text);
    CHECK(samples.at("xen_cpus") == 4);
    CHECK(samples.at("xen_memory_bytes{state=\"total\"}") == 4294967296.0);
    unsigned infos = 0;
    std::map<std::string, double> by_domain;
    for (const auto& [key, value] : samples) {
        infos += key.starts_with("xen_domain_info{");
        if (key.starts_with("xen_domain_network_transmit_bytes_total{domid=\"1\"")) by_domain["vif"] = value;
        if (key.starts_with("xen_domain_block_read_bytes_total{domid=\"2\"")) by_domain["vbd"] = value;
        CHECK(key.find("99") == std::string::npos);
    }
    CHECK(infos >= 2);
    CHECK(by_domain["vif"] == 1234);
    CHECK(by_domain["vbd"] == 4096);
}

TEST_CASE("a bare machine fails the check and says what to do") {
    const Directory root;
    Host host;
    report::PreflightOptions options;
    options.root = root.path;
    options.console_socket = root.path / "none";
    ::setenv("HOSPES_SUPERVISOR_SOCKET", options.console_socket.c_str(), 1);
    const auto checks = report::preflight(host, options);
    ::unsetenv("HOSPES_SUPERVISOR_SOCKET");
    for (const char* const name : {"hypervisor", "devices", "console daemon"})
        CHECK(find(checks, name).verdict == report::Check::Verdict::bad);
    for (const char* const name : {"backends", "bridge", "folders", "supervisor"})
        CHECK(find(checks, name).verdict == report::Check::Verdict::warning);
    for (const report::Check& check : checks) {
        INFO(check.name);
        CHECK_FALSE(check.finding.empty());
        CHECK(check.hint.empty() == (check.verdict == report::Check::Verdict::good));
    }
    CHECK(find(checks, "backends").hint == "modprobe xen-blkback xen-netback loop");
}

TEST_CASE("a host that has everything passes what can be seen of it") {
    const Directory root;
    root.file("sys/hypervisor/type", "xen\n");
    for (const char* const device : {"privcmd", "evtchn", "gntdev"})
        root.file(std::string("dev/xen/") + device);
    root.file("dev/loop-control");
    root.file("sys/bus/xen-backend/drivers/vbd/x");
    root.file("sys/bus/xen-backend/drivers/vif/x");
    root.file("sys/class/net/xenbr0/bridge/x");
    for (const char* const folder : {"var/lib/xen/x", "var/log/xen/x", "run/xen/x"})
        root.file(folder);
    Host host = fake_host(1);
    report::PreflightOptions options;
    options.root = root.path;
    options.console_socket = root.path / "none";
    const std::string socket = root.path / "supervisor";
    boost::asio::io_context io;
    const boost::asio::local::stream_protocol::acceptor listening(io, {socket});
    ::setenv("HOSPES_SUPERVISOR_SOCKET", socket.c_str(), 1);
    const auto checks = report::preflight(host, options);
    ::unsetenv("HOSPES_SUPERVISOR_SOCKET");
    for (const char* const name : {"supervisor", "hypervisor", "devices", "rights", "free memory", "guest types",
                                   "domains", "backends", "bridge", "folders"}) {
        INFO(name << ": " << find(checks, name).finding);
        CHECK(find(checks, name).verdict == report::Check::Verdict::good);
    }
    CHECK(find(checks, "bridge").finding == "xenbr0");
    CHECK(find(checks, "guest types").finding == "PV, PVH, HVM, with nested paging");
}
