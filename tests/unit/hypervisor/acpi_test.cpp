// SPDX-License-Identifier: MIT
// The ACPI parser on well-formed, odd and hostile tables in a small fake physical memory.
#include <catch2/catch.hpp>
#include <cstring>
#include <random>
#include <string>
#include <vector>

#include "drivers/acpi/acpi.hpp"

using namespace hv;

namespace {

constexpr u64 memory_base = 0xe0000, memory_size = 0x20000;
std::vector<u8> memory;

/// An exact copy of what was asked for: a read beyond it is an address-sanitizer error.
const u8* map(u64 address, u64 bytes) {
    static std::vector<u8> window;
    if (address < memory_base || bytes > memory_size || address - memory_base > memory_size - bytes) return nullptr;
    const auto from = memory.begin() + static_cast<long>(address - memory_base);
    window = std::vector<u8>(from, from + static_cast<long>(bytes));
    return window.data();
}

template <typename T> void put(std::vector<u8>& to, T value) {
    u8 bytes[sizeof(T)];
    std::memcpy(bytes, &value, sizeof(T));
    to.insert(to.end(), bytes, bytes + sizeof(T));
}

void fix_sum(std::vector<u8>& table, std::size_t at, std::size_t length) {
    table[at] = 0;
    u8 sum = 0;
    for (std::size_t i = 0; i < length; ++i)
        sum = static_cast<u8>(sum + table[i]);
    table[at] = static_cast<u8>(-sum);
}

std::vector<u8> table(const std::string& name, const std::vector<u8>& body) {
    std::vector<u8> out(name.begin(), name.end());
    put<u32>(out, static_cast<u32>(36 + body.size()));
    out.resize(36);
    out.insert(out.end(), body.begin(), body.end());
    fix_sum(out, 9, out.size());
    return out;
}

u64 next_free;
u64 place(const std::vector<u8>& bytes) {
    const u64 at = next_free;
    REQUIRE(at + bytes.size() <= memory_base + memory_size);
    std::copy(bytes.begin(), bytes.end(), memory.begin() + static_cast<long>(at - memory_base));
    next_free = (at + bytes.size() + 15) & ~u64{15};
    return at;
}

void start() {
    memory.assign(memory_size, 0);
    next_free = memory_base + 0x100;
}

/// RSDP revision 2 with an XSDT (or 0 with an RSDT) over `tables`.
u64 root(const std::vector<u64>& tables, bool extended = true) {
    std::vector<u8> body;
    for (const u64 address : tables)
        extended ? put<u64>(body, address) : put<u32>(body, static_cast<u32>(address));
    const u64 root_table = place(table(extended ? "XSDT" : "RSDT", body));
    std::vector<u8> rsdp{'R', 'S', 'D', ' ', 'P', 'T', 'R', ' '};
    rsdp.resize(15);
    put<u8>(rsdp, extended ? 2 : 0);
    put<u32>(rsdp, extended ? 0 : static_cast<u32>(root_table));
    put<u32>(rsdp, 36);
    put<u64>(rsdp, extended ? root_table : 0);
    rsdp.resize(36);
    fix_sum(rsdp, 8, 20);
    fix_sum(rsdp, 32, 36);
    return place(rsdp);
}

std::vector<u8> madt_body(unsigned cpus) {
    std::vector<u8> body;
    put<u32>(body, 0xfee00000);
    put<u32>(body, 1);
    for (unsigned i = 0; i < cpus; ++i) {
        body.insert(body.end(), {0, 8, static_cast<u8>(i), static_cast<u8>(i * 2)});
        put<u32>(body, 1);
    }
    body.insert(body.end(), {1, 12, 9, 0});
    put<u32>(body, 0xfec00000);
    put<u32>(body, 0);
    body.insert(body.end(), {2, 10, 0, 0});
    put<u32>(body, 2);
    put<u16>(body, 0);
    body.insert(body.end(), {2, 10, 0, 9});
    put<u32>(body, 9);
    put<u16>(body, 0xf);
    return body;
}

std::vector<u8> x2apic(u32 id, u32 flags) {
    std::vector<u8> entry{9, 16, 0, 0};
    put<u32>(entry, id);
    put<u32>(entry, flags);
    put<u32>(entry, id + 100);
    return entry;
}

AcpiInfo parse(u64 rsdp, bool expected = true) {
    AcpiInfo info;
    CHECK(acpi_parse(info, rsdp, map) == expected);
    return info;
}

} // namespace

TEST_CASE("MADT: CPUs, IO-APIC and overrides, through XSDT and RSDT", "[acpi]") {
    const bool extended = GENERATE(true, false);
    start();
    const u64 rsdp = root({place(table("APIC", madt_body(4)))}, extended);
    const AcpiInfo info = parse(rsdp);
    REQUIRE(info.cpu_count == 4);
    CHECK(info.cpus[3].apic_id == 6);
    CHECK(info.cpus[3].acpi_id == 3);
    REQUIRE(info.ioapic_count == 1);
    CHECK(info.ioapics[0].address == 0xfec00000);
    REQUIRE(info.override_count == 2);
    CHECK((info.overrides[0].isa_irq == 0 && info.overrides[0].gsi == 2 && !info.overrides[0].level));
    CHECK((info.overrides[1].isa_irq == 9 && info.overrides[1].level && info.overrides[1].active_low));
    CHECK(acpi_scan_rsdp(map) == rsdp);
}

TEST_CASE("MADT: x2APIC entries; disabled, duplicate and broadcast ids are left out", "[acpi]") {
    start();
    std::vector<u8> body = madt_body(1);
    for (const auto& entry : {x2apic(300, 1), x2apic(301, 0), x2apic(300, 1), x2apic(~0U, 1), x2apic(0, 1)})
        body.insert(body.end(), entry.begin(), entry.end());
    const AcpiInfo info = parse(root({place(table("APIC", body))}));
    REQUIRE(info.cpu_count == 2);
    CHECK((info.cpus[1].apic_id == 300 && info.cpus[1].acpi_id == 400));
}

TEST_CASE("more CPUs than the hypervisor has room for are dropped", "[acpi]") {
    start();
    std::vector<u8> body = madt_body(0);
    for (u32 i = 0; i < max_cpus + 50; ++i) {
        const auto entry = x2apic(i, 1);
        body.insert(body.end(), entry.begin(), entry.end());
    }
    CHECK(parse(root({place(table("APIC", body))})).cpu_count == max_cpus);
}

TEST_CASE("a MADT entry of length 0 or beyond the table ends it", "[acpi]") {
    const u8 length = GENERATE(u8{0}, u8{1}, u8{200});
    start();
    std::vector<u8> body = madt_body(2);
    body.insert(body.end(), {0, length, 7, 7, 1, 0, 0, 0});
    CHECK(parse(root({place(table("APIC", body))})).cpu_count == 2);
}

TEST_CASE("a bad checksum drops that table only", "[acpi]") {
    start();
    std::vector<u8> broken = table("APIC", madt_body(3));
    broken[40] ^= 1;
    std::vector<u8> hpet_body(20);
    hpet_body[8] = 0x00, hpet_body[10] = 0xd0, hpet_body[11] = 0xfe;
    const AcpiInfo info = parse(root({place(broken), place(table("HPET", hpet_body))}));
    CHECK(info.cpu_count == 0);
    CHECK(info.hpet_address == 0xfed00000);
}

TEST_CASE("a broken root is refused", "[acpi]") {
    start();
    const u64 rsdp = root({place(table("APIC", madt_body(1)))});
    SECTION("signature") { memory[rsdp - memory_base] ^= 0xff; }
    SECTION("checksum") { memory[rsdp - memory_base + 9] ^= 1; }
    SECTION("nowhere") {
        parse(0x10, false);
        parse(0, false);
        parse(~u64{0} - 3, false);
        return;
    }
    parse(rsdp, false);
    CHECK(acpi_scan_rsdp(map) == 0);
}

TEST_CASE("table lengths that lie do not leave the memory", "[acpi]") {
    const u32 length = GENERATE(0U, 8U, 35U, 0x7fffffffU, 0xffffffffU);
    start();
    std::vector<u8> lying = table("APIC", madt_body(1));
    std::memcpy(&lying[4], &length, 4);
    CHECK(parse(root({place(lying), ~u64{0} - 10, 0})).cpu_count == 0);
}

TEST_CASE("FADT: legacy ports, extended blocks, reset register", "[acpi]") {
    start();
    std::vector<u8> body(244 - 36);
    const auto at = [&body](u32 offset) { return body.begin() + (offset - 36); };
    *at(46) = 9;
    *at(64) = 0x04, *at(65) = 0x06; // PM1a control 0x604
    *at(76) = 0x08, *at(77) = 0x06;
    *at(89) = 2;
    *at(113) = 0x04 | 0x01; // reset register supported, 32-bit timer
    *at(116) = 1, *at(117) = 8, *at(120) = 0xf9, *at(121) = 0x0c, *at(128) = 0x0f;
    SECTION("legacy") {
        const AcpiInfo info = parse(root({place(table("FACP", body))}));
        CHECK((info.pm1a_control.space == 1 && info.pm1a_control.address == 0x604));
        CHECK((info.pm_timer.address == 0x608 && info.pm_timer_32bit));
        CHECK((info.reset_register.address == 0xcf9 && info.reset_value == 0x0f));
        CHECK(info.pm1b_control.space == 0xff);
    }
    SECTION("extended wins") {
        *at(172) = 1, *at(176) = 0x04, *at(177) = 0xb0;
        CHECK(parse(root({place(table("FACP", body))})).pm1a_control.address == 0xb004);
    }
    SECTION("a short revision 1 table has no extended fields") {
        body.resize(116 - 36);
        const AcpiInfo info = parse(root({place(table("FACP", body))}));
        CHECK(info.pm1a_control.address == 0x604);
        CHECK(info.reset_register.address == 0);
    }
}

TEST_CASE("MCFG: bad windows are left out", "[acpi]") {
    start();
    std::vector<u8> body(8);
    const auto window = [&body](u64 address, u8 first, u8 last) {
        put<u64>(body, address);
        put<u16>(body, 0);
        body.insert(body.end(), {first, last, 0, 0, 0, 0});
    };
    window(0xb0000000, 0, 255);
    window(0xb0000001, 0, 1);
    window(0xc0000000, 5, 4);
    body.resize(body.size() + 7); // half an entry
    const AcpiInfo info = parse(root({place(table("MCFG", body))}));
    REQUIRE(info.mcfg_count == 1);
    CHECK((info.mcfg[0].address == 0xb0000000 && info.mcfg[0].last_bus == 255));
}

TEST_CASE("SRAT and SLIT: domains become dense nodes with distances", "[acpi]") {
    start();
    std::vector<u8> srat(12);
    const auto cpu = [&srat](u8 apic, u8 domain) {
        srat.insert(srat.end(), {0, 16, domain, apic, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0});
    };
    const auto ram = [&srat](u32 domain, u64 from, u64 bytes) {
        srat.insert(srat.end(), {1, 40});
        put<u32>(srat, domain);
        srat.resize(srat.size() + 2);
        put<u64>(srat, from);
        put<u64>(srat, bytes);
        srat.resize(srat.size() + 4);
        put<u32>(srat, 1);
        srat.resize(srat.size() + 8);
    };
    cpu(0, 1);
    cpu(2, 3);
    ram(1, 0, 0x80000000);
    ram(3, 0x100000000, 0x80000000);
    ram(3, ~u64{0} - 5, 100); // wraps: ignored
    std::vector<u8> slit;
    put<u64>(slit, 4);
    for (u8 i = 0; i < 16; ++i)
        slit.push_back(i % 5 == 0 ? 10 : static_cast<u8>(20 + i));
    const AcpiInfo info =
        parse(root({place(table("SLIT", slit)), place(table("SRAT", srat)), place(table("APIC", madt_body(2)))}));
    REQUIRE(info.node_count == 2);
    CHECK((info.cpus[0].node == 0 && info.cpus[1].node == 1));
    REQUIRE(info.memory_count == 2);
    CHECK((info.memory[1].node == 1 && info.memory[1].end == 0x180000000));
    CHECK(info.distance[0][0] == 10);
    CHECK(info.distance[0][1] == 20 + 1 * 4 + 3);
}

TEST_CASE("a SLIT that claims a huge matrix is ignored", "[acpi]") {
    const u64 count = GENERATE(u64{100}, u64{1} << 32, ~u64{0});
    start();
    std::vector<u8> slit;
    put<u64>(slit, count);
    CHECK_FALSE(parse(root({place(table("SLIT", slit))})).has_distances);
}

TEST_CASE("random damage with right checksums never reads outside a table", "[acpi]") {
    std::mt19937 random(7);
    for (int round = 0; round < 3000; ++round) {
        start();
        std::vector<u64> addresses;
        for (const char* name : {"APIC", "FACP", "HPET", "MCFG", "SRAT", "SLIT"}) {
            std::vector<u8> body = std::string(name) == "APIC" ? madt_body(3) : std::vector<u8>(random() % 200);
            for (u8& byte : body)
                if (random() % 4 == 0) byte = static_cast<u8>(random() % 3 ? random() % 48 : random());
            addresses.push_back(place(table(name, body)));
        }
        AcpiInfo info;
        REQUIRE(acpi_parse(info, root(addresses), map));
        REQUIRE(info.cpu_count <= max_cpus);
        REQUIRE((info.node_count >= 1 && info.node_count <= acpi_max_nodes));
    }
}
