// SPDX-License-Identifier: MIT
#include "build/acpi.hpp"

#include <catch2/catch.hpp>
#include <cstring>
#include <map>
#include <string>

using namespace hospes::xc;

namespace {

constexpr std::uint64_t base = 0xfc000000;
using Bytes = std::vector<std::uint8_t>;

template <typename T> T get(const Bytes& bytes, std::size_t at) {
    T value{};
    REQUIRE(at + sizeof(T) <= bytes.size());
    std::memcpy(&value, bytes.data() + at, sizeof(T));
    return value;
}
unsigned sum(const Bytes& bytes, std::size_t at, std::size_t count) {
    std::uint8_t total = 0;
    for (std::size_t i = 0; i < count; ++i)
        total = static_cast<std::uint8_t>(total + bytes.at(at + i));
    return total;
}

/// Finds the tables the way a guest does: RSDP, XSDT, FADT for the DSDT; each with a right sum.
std::map<std::string, Bytes> tables(const AcpiTables& acpi) {
    const Bytes& all = acpi.bytes;
    const std::size_t rsdp = acpi.rsdp - base;
    CHECK(std::string(all.begin() + long(rsdp), all.begin() + long(rsdp) + 8) == "RSD PTR ");
    CHECK(sum(all, rsdp, 20) == 0);
    CHECK(sum(all, rsdp, 36) == 0);
    CHECK(all[rsdp + 15] == 2);
    std::map<std::string, Bytes> out;
    const auto take = [&](std::uint64_t address) {
        const std::size_t at = address - base;
        const auto length = get<std::uint32_t>(all, at + 4);
        CHECK(address % 4 == 0);
        CHECK(sum(all, at, length) == 0);
        const std::string name(all.begin() + long(at), all.begin() + long(at) + 4);
        CHECK(out.count(name) == 0);
        out[name] = Bytes(all.begin() + long(at), all.begin() + long(at + length));
        return name;
    };
    CHECK(take(get<std::uint64_t>(all, rsdp + 24)) == "XSDT");
    const Bytes xsdt = out["XSDT"];
    for (std::size_t at = 36; at < xsdt.size(); at += 8)
        take(get<std::uint64_t>(xsdt, at));
    take(get<std::uint64_t>(out.at("FACP"), 140));
    CHECK(get<std::uint32_t>(out.at("FACP"), 40) == get<std::uint64_t>(out.at("FACP"), 140));
    return out;
}

/// One AML package: its contents, and where it ends.
Bytes package(const Bytes& aml, std::size_t& at) {
    const std::size_t start = at, extra = aml.at(at) >> 6;
    std::size_t length = extra ? aml[at] & 0xf : aml[at] & 0x3f;
    for (std::size_t i = 0; i < extra; ++i)
        length |= std::size_t(aml.at(at + 1 + i)) << (4 + 8 * i);
    REQUIRE(start + length <= aml.size());
    at = start + length;
    return {aml.begin() + long(start + 1 + extra), aml.begin() + long(at)};
}

AcpiTables build(unsigned vcpus) {
    AcpiMachine machine;
    machine.vcpus = vcpus;
    return acpi_tables(machine, base);
}

} // namespace

TEST_CASE("a PVH guest's FADT says reduced hardware and nothing legacy") {
    const auto found = tables(build(1));
    const Bytes& fadt = found.at("FACP");
    CHECK(fadt.size() == 276);
    CHECK((get<std::uint32_t>(fadt, 112) >> 20 & 1) == 1);
    CHECK((get<std::uint16_t>(fadt, 109) & 0x3) == 0); // no legacy devices, no 8042
    CHECK(get<std::uint32_t>(fadt, 36) == 0);          // no FACS
    for (std::size_t at = 56; at < 92; ++at)           // no fixed register block
        CHECK(fadt[at] == 0);
    CHECK(found.count("SRAT") == 0);
}

TEST_CASE("the MADT names every vCPU with the APIC id that Xen gives it") {
    for (const unsigned vcpus : {1U, 4U, 128U, 200U}) {
        const Bytes madt = tables(build(vcpus)).at("APIC");
        CHECK(get<std::uint32_t>(madt, 36) == 0xfee00000);
        unsigned seen = 0;
        for (std::size_t at = 44; at < madt.size(); at += madt[at + 1], ++seen) {
            if (madt[at] == 0) {
                CHECK(madt[at + 1] == 8);
                CHECK(madt[at + 2] == seen);
                CHECK(madt[at + 3] == 2 * seen);
                CHECK(get<std::uint32_t>(madt, at + 4) == 1);
            } else {
                CHECK(madt[at] == 9);
                CHECK(madt[at + 1] == 16);
                CHECK(get<std::uint32_t>(madt, at + 4) == 2 * seen);
                CHECK(get<std::uint32_t>(madt, at + 8) == 1);
                CHECK(get<std::uint32_t>(madt, at + 12) == seen);
            }
            CHECK((madt[at] == 9) == (2 * seen >= 255));
        }
        CHECK(seen == vcpus);
    }
}

TEST_CASE("the DSDT has a processor device for each vCPU") {
    for (const unsigned vcpus : {1U, 2U, 4U, 130U, 512U}) {
        const Bytes dsdt = tables(build(vcpus)).at("DSDT");
        std::size_t at = 36;
        REQUIRE(dsdt[at++] == 0x10); // Scope
        const Bytes scope = package(dsdt, at);
        CHECK(at == dsdt.size());
        CHECK(std::string(scope.begin(), scope.begin() + 5) == "\\_SB_");
        unsigned seen = 0;
        for (std::size_t in = 5; in < scope.size(); ++seen) {
            REQUIRE(scope[in] == 0x5b);
            REQUIRE(scope[in + 1] == 0x82); // Device
            in += 2;
            const Bytes device = package(scope, in);
            CHECK(device[0] == 'P');
            const std::string body(device.begin() + 4, device.end());
            CHECK(body.find(std::string("\x08_HID\x0d", 6) + "ACPI0007") == 0);
            const std::size_t uid = body.find(std::string("\x08_UID\x0b", 6));
            REQUIRE(uid != std::string::npos);
            CHECK(get<std::uint16_t>(device, 4 + uid + 6) == seen);
        }
        CHECK(seen == vcpus);
    }
}

TEST_CASE("virtual NUMA nodes show in SRAT and SLIT") {
    const AcpiMemory memory[] = {{0, 1 << 30, 0}, {1 << 30, 1 << 30, 1}};
    const std::uint32_t nodes[] = {0, 1, 1};
    const std::uint8_t distances[] = {10, 20, 20, 10};
    const auto found = tables(acpi_tables({3, memory, nodes, distances}, base));
    const Bytes& srat = found.at("SRAT");
    unsigned processors = 0, ranges = 0;
    for (std::size_t at = 48; at < srat.size(); at += srat[at + 1]) {
        if (srat[at] == 2) {
            CHECK(get<std::uint32_t>(srat, at + 4) == nodes[processors]);
            CHECK(get<std::uint32_t>(srat, at + 8) == 2 * processors);
            CHECK(get<std::uint32_t>(srat, at + 12) == 1);
            ++processors;
        } else {
            REQUIRE(srat[at] == 1);
            CHECK(get<std::uint32_t>(srat, at + 2) == memory[ranges].node);
            CHECK(get<std::uint64_t>(srat, at + 8) == memory[ranges].start);
            CHECK(get<std::uint64_t>(srat, at + 16) == memory[ranges].size);
            CHECK(get<std::uint32_t>(srat, at + 28) == 1);
            ++ranges;
        }
    }
    CHECK(processors == 3);
    CHECK(ranges == 2);
    const Bytes& slit = found.at("SLIT");
    CHECK(get<std::uint64_t>(slit, 36) == 2);
    CHECK(slit.size() == 44 + 4);
    CHECK(slit[45] == 20);
}
