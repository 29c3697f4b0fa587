// SPDX-License-Identifier: MIT
#include "libxl/xml/domain_xml.hpp"

#include <catch2/catch.hpp>

#include <libxml/parser.h>
#include <libxml/relaxng.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <memory>
#include <sstream>

#include "libxl/types/json.hpp"

using namespace hospes;
using namespace hospes::xl;

namespace {

const std::filesystem::path samples = std::filesystem::path(HOSPES_GOLDEN_DIR) / "xml";

std::string contents(const std::filesystem::path& path) {
    std::ostringstream out;
    out << std::ifstream(path).rdbuf();
    return out.str();
}
XmlImport import(std::string_view text) {
    auto result = domain_from_xml(text);
    if (!result) FAIL(result.problem().text());
    return *std::move(result);
}
std::string problem(std::string_view text) {
    const auto result = domain_from_xml(text);
    return result ? "" : result.problem().text();
}
std::string domain(std::string_view inside, std::string_view type = "linux") {
    return "<domain type='xen'><name>g</name><os><type>" + std::string(type) + "</type></os>" + std::string(inside) +
           "</domain>";
}
std::string device(std::string_view inside) { return domain("<devices>" + std::string(inside) + "</devices>"); }

/// libvirt's own schema, from Debian's libvirt0.
class Schema {
  public:
    Schema() {
        const std::unique_ptr<xmlRelaxNGParserCtxt, decltype(&xmlRelaxNGFreeParserCtxt)> parser(
            xmlRelaxNGNewParserCtxt("/usr/share/libvirt/schemas/domain.rng"), &xmlRelaxNGFreeParserCtxt);
        schema_.reset(parser ? xmlRelaxNGParse(parser.get()) : nullptr);
    }
    [[nodiscard]] bool present() const { return schema_ != nullptr; }
    [[nodiscard]] bool accepts(const std::string& text) const {
        const std::unique_ptr<xmlDoc, decltype(&xmlFreeDoc)> document(
            xmlReadMemory(text.data(), static_cast<int>(text.size()), "x", nullptr, 0), &xmlFreeDoc);
        const std::unique_ptr<xmlRelaxNGValidCtxt, decltype(&xmlRelaxNGFreeValidCtxt)> context(
            xmlRelaxNGNewValidCtxt(schema_.get()), &xmlRelaxNGFreeValidCtxt);
        return document && context && xmlRelaxNGValidateDoc(context.get(), document.get()) == 0;
    }

  private:
    struct Free {
        void operator()(xmlRelaxNG* schema) const { xmlRelaxNGFree(schema); }
    };
    std::unique_ptr<xmlRelaxNG, Free> schema_;
};

} // namespace

TEST_CASE("samples survive export and import, and libvirt's schema accepts both") {
    const Schema schema;
    if (!schema.present()) WARN("libvirt0 is not installed: its schema judges nothing");
    for (const char* const name : {"pv.xml", "pvh.xml", "hvm.xml"}) {
        INFO(name);
        const std::string text = contents(samples / name);
        const XmlImport first = import(text);
        const auto exported = domain_to_xml(first.config);
        REQUIRE(exported);
        CHECK(exported->left_out.empty());
        const XmlImport second = import(exported->text);
        CHECK(to_json(second.config) == to_json(first.config));
        CHECK(second.ignored.empty());
        if (!schema.present()) continue;
        CHECK(schema.accepts(text));
        CHECK(schema.accepts(exported->text));
    }
}

TEST_CASE("a PV guest") {
    const DomainConfig c = import(contents(samples / "pv.xml")).config;
    CHECK(c.c_info.type == DomainType::pv);
    CHECK(c.b_info.max_memkb == 1048576U);
    CHECK(c.b_info.target_memkb == 524288U);
    CHECK(c.b_info.max_vcpus == 4);
    CHECK(c.b_info.avail_vcpus.count() == 2);
    REQUIRE(c.b_info.vcpu_hard_affinity.size() == 4);
    CHECK(c.b_info.vcpu_hard_affinity[0].members() == std::vector<unsigned>{0, 2, 3});
    CHECK(c.b_info.vcpu_hard_affinity[1].members() == std::vector<unsigned>{2});
    CHECK(c.b_info.cmdline == "root=/dev/xvda1 ro console=hvc0 a=\"<b>\"");
    CHECK(c.b_info.tsc_mode == TscMode::native);
    CHECK(c.c_info.passthrough == Passthrough::sync_pt);
    CHECK(c.on_crash == ActionOnShutdown::coredump_destroy);
    REQUIRE(c.disks.size() == 2);
    CHECK(c.disks[0].backend == DiskBackend::phy);
    CHECK(c.disks[1].format == DiskFormat::qcow2);
    CHECK(c.disks[1].readwrite == 0);
    REQUIRE(c.nics.size() == 1);
    CHECK(c.nics[0].bridge == "br0");
    CHECK(c.nics[0].rate_bytes_per_interval == 512000);
    REQUIRE(c.channels.size() == 2);
    CHECK(c.channels[0].socket_path == "/run/agent");
    REQUIRE(c.vfbs.size() == 1);
    CHECK(c.vfbs[0].vnc.display == 3);
    REQUIRE(c.pcidevs.size() == 1);
    CHECK(c.pcidevs[0].dev == 31);
    CHECK(c.pcidevs[0].permissive);
    CHECK(c.b_info.event_channels == 2047);
}

TEST_CASE("PVH and HVM guests, and what is ignored is named") {
    const DomainConfig pvh = import(contents(samples / "pvh.xml")).config;
    CHECK(pvh.c_info.type == DomainType::pvh);
    REQUIRE(pvh.b_info.vnuma_nodes.size() == 2);
    CHECK(pvh.b_info.vnuma_nodes[0].distances == std::vector<std::uint32_t>{10, 21});
    CHECK(pvh.b_info.vnuma_nodes[1].memkb == 1048576);
    CHECK(static_cast<std::int32_t>(pvh.b_info.rtc_timeoffset) == -3600);
    CHECK(pvh.disks.at(0).backend_domname == "storage");
    const XmlImport hvm = import(contents(samples / "hvm.xml"));
    CHECK(hvm.ignored == std::vector<std::string>{"domain/devices/sound"});
    CHECK(hvm.config.b_info.hvm.boot == "dc");
    CHECK(hvm.config.b_info.hvm.vga.kind == VgaInterfaceType::std);
    CHECK(hvm.config.disks.at(1).format == DiskFormat::empty);
    CHECK(hvm.config.on_reboot == ActionOnShutdown::restart_rename);
}

TEST_CASE("wrong documents end in an error that names the element") {
    CHECK(problem("").find("parse XML") != std::string::npos);
    CHECK(problem("<domain").find("line 1") != std::string::npos);
    CHECK(problem("<network/>") == "read <network>: a <domain> is wanted");
    CHECK(problem("<domain type='kvm'/>").find("'kvm'") != std::string::npos);
    CHECK(problem("<domain type='xen'/>").find("no name") != std::string::npos);
    CHECK(problem(domain("", "exe")).starts_with("read <domain/os/type>"));
    CHECK(problem(domain("<memory unit='KiB'>x</memory>")).find("'x' is not a number") != std::string::npos);
    CHECK(problem(domain("<memory unit='TiB'>99999999999</memory>")).find("impossibly large") != std::string::npos);
    CHECK(problem(domain("<memory unit='parsec'>1</memory>")).find("'parsec'") != std::string::npos);
    CHECK(problem(domain("<vcpu>0</vcpu>")).find("1 to 512") != std::string::npos);
    CHECK(problem(domain("<vcpu cpuset='3-1'>1</vcpu>")).find("not a CPU range") != std::string::npos);
    CHECK(problem(domain("<on_crash>explode</on_crash>")).find("'explode'") != std::string::npos);
    CHECK(problem(device("<disk><target dev='xvda'/></disk>")).find("no source") != std::string::npos);
    CHECK(problem(device("<disk><source file='/a'/><target dev='zz'/></disk>")).find("'zz'") != std::string::npos);
    CHECK(problem(device("<interface type='network'><source network='default'/></interface>")).find("networks") !=
          std::string::npos);
    CHECK(problem(device("<hostdev mode='subsystem' type='pci'><source><address bus='256'/></source></hostdev>"))
              .find("range") != std::string::npos);
}

TEST_CASE("hostile documents") {
    std::string bomb = "<!DOCTYPE d [<!ENTITY a \"xxxxxxxxxx\">]><domain type='xen'><name>&a;</name></domain>";
    CHECK(problem(bomb).find("document type") != std::string::npos);
    std::string deep;
    for (int i = 0; i < 200; ++i)
        deep += "<a>";
    CHECK_FALSE(problem(domain(deep)).empty());
    std::string closed = deep;
    for (int i = 0; i < 200; ++i)
        closed += "</a>";
    CHECK(problem(domain(closed)).find("deeply") != std::string::npos);
    CHECK(problem(std::string(std::size_t{5} << 20, ' ')).find("larger") != std::string::npos);
}

TEST_CASE("what cannot be said in XML is named or refused") {
    DomainConfig c;
    c.c_info.name = "g";
    CHECK(domain_to_xml(c).problem().text().find("not decided") != std::string::npos);
    c.c_info.type = c.b_info.type = DomainType::pv;
    c.p9s.resize(1);
    c.b_info.cpuid.cpuid.resize(1);
    const auto exported = domain_to_xml(c);
    REQUIRE(exported);
    CHECK(exported->left_out == std::vector<std::string>{"p9 shares", "cpuid"});
    c.b_info.cmdline = "a\x01";
    CHECK_FALSE(domain_to_xml(c).ok());
    c.b_info.cmdline = "\xff";
    CHECK_FALSE(domain_to_xml(c).ok());
}
