// SPDX-License-Identifier: MIT
#include "build/acpi.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <string_view>

namespace hospes::xc {
namespace {

using Bytes = std::vector<std::uint8_t>;

template <typename T> void put(Bytes& out, T value) {
    for (std::size_t i = 0; i < sizeof(T); ++i)
        out.push_back(static_cast<std::uint8_t>(value >> (8 * i)));
}
template <typename T> void put_at(Bytes& out, std::size_t at, T value) {
    for (std::size_t i = 0; i < sizeof(T); ++i)
        out[at + i] = static_cast<std::uint8_t>(value >> (8 * i));
}
void put_text(Bytes& out, std::string_view text) { out.insert(out.end(), text.begin(), text.end()); }

/// Makes the bytes from `start` sum up to zero by way of the one at `at`.
void balance(Bytes& out, std::size_t start, std::size_t count, std::size_t at) {
    out[at] = 0;
    std::uint8_t sum = 0;
    for (std::size_t i = 0; i < count; ++i)
        sum = static_cast<std::uint8_t>(sum + out[start + i]);
    out[at] = static_cast<std::uint8_t>(-sum);
}

/// Table header, 36 bytes (5.2.6); length and checksum follow in finish().
Bytes begin(std::string_view signature, std::uint8_t revision) {
    Bytes out;
    put_text(out, signature);
    put<std::uint32_t>(out, 0);
    out.push_back(revision);
    out.push_back(0);
    put_text(out, "HOSPES"); // OEM id
    put_text(out, "HOSPESVM");
    put<std::uint32_t>(out, 1);
    put_text(out, "HSPS");
    put<std::uint32_t>(out, 1);
    return out;
}
Bytes finish(Bytes out) {
    put_at(out, 4, static_cast<std::uint32_t>(out.size()));
    balance(out, 0, out.size(), 9);
    return out;
}

/// Fixed ACPI Description Table (5.2.9), revision 6.
Bytes fadt(std::uint64_t dsdt) {
    constexpr std::size_t length = 276;
    constexpr std::uint32_t wbinvd = 1U << 0, proc_c1 = 1U << 2, power_button = 1U << 4, sleep_button = 1U << 5,
                            reduced_hardware = 1U << 20;
    constexpr std::uint16_t no_vga = 1U << 2, no_cmos_clock = 1U << 5;
    Bytes out = begin("FACP", 6);
    out.resize(length);
    put_at(out, 40, static_cast<std::uint32_t>(dsdt));
    put_at(out, 96, std::uint16_t{0x0fff}); // C2 and C3 latencies beyond what makes them usable
    put_at(out, 98, std::uint16_t{0x0fff});
    put_at(out, 109, static_cast<std::uint16_t>(no_vga | no_cmos_clock));
    // The "buttons" bits say that there are no fixed-feature buttons.
    put_at(out, 112, wbinvd | proc_c1 | power_button | sleep_button | reduced_hardware);
    put_at(out, 140, dsdt);
    return finish(std::move(out));
}

/// Multiple APIC Description Table (5.2.12). All vCPUs are enabled: those beyond vcpus= are taken
/// offline by the guest's driver, which reads their availability in the store.
Bytes madt(unsigned vcpus) {
    constexpr std::uint32_t enabled = 1;
    Bytes out = begin("APIC", 4);
    put<std::uint32_t>(out, 0xfee00000); // where the local APICs are
    put<std::uint32_t>(out, 0);          // no 8259
    for (unsigned vcpu = 0; vcpu < vcpus; ++vcpu) {
        const std::uint32_t id = apic_id(vcpu);
        if (id < 255) {
            put<std::uint8_t>(out, 0);
            put<std::uint8_t>(out, 8);
            put(out, static_cast<std::uint8_t>(vcpu));
            put(out, static_cast<std::uint8_t>(id));
            put(out, enabled);
        } else { // x2APIC entry
            put<std::uint8_t>(out, 9);
            put<std::uint8_t>(out, 16);
            put<std::uint16_t>(out, 0);
            put(out, id);
            put(out, enabled);
            put<std::uint32_t>(out, vcpu);
        }
    }
    return finish(std::move(out));
}

// --- AML (chapter 20): just the operators that the DSDT needs ---

/// PkgLength (20.2.4) counts itself: one byte up to 63, else two to four with 4 bits in the first.
Bytes package(std::string_view opcode, const Bytes& contents) {
    Bytes out;
    put_text(out, opcode);
    std::size_t extra = 0; // bytes that follow the first
    std::size_t length = contents.size() + 1;
    if (length > 63)
        while (length > (std::size_t{1} << (4 + 8 * extra)) - 1)
            length = contents.size() + 1 + ++extra;
    if (extra == 0) {
        out.push_back(static_cast<std::uint8_t>(length));
    } else {
        out.push_back(static_cast<std::uint8_t>(extra << 6 | (length & 0xf)));
        for (std::size_t i = 0; i < extra; ++i)
            out.push_back(static_cast<std::uint8_t>(length >> (4 + 8 * i)));
    }
    out.insert(out.end(), contents.begin(), contents.end());
    return out;
}

void name_string(Bytes& out, std::string_view name, std::string_view value) {
    out.push_back(0x08); // NameOp
    put_text(out, name);
    out.push_back(0x0d); // StringPrefix
    put_text(out, value);
    out.push_back(0);
}
void name_number(Bytes& out, std::string_view name, std::uint16_t value) {
    out.push_back(0x08);
    put_text(out, name);
    out.push_back(0x0b); // WordPrefix
    put(out, value);
}

/// A processor device for each vCPU, whose _UID is the MADT's processor id (8.4).
Bytes dsdt(unsigned vcpus) {
    using namespace std::string_view_literals;
    Bytes processors;
    put_text(processors, "\\_SB_");
    for (unsigned vcpu = 0; vcpu < vcpus; ++vcpu) {
        constexpr char digits[] = "0123456789ABCDEF";
        Bytes device{'P', static_cast<std::uint8_t>(digits[vcpu >> 8 & 15]),
                     static_cast<std::uint8_t>(digits[vcpu >> 4 & 15]), static_cast<std::uint8_t>(digits[vcpu & 15])};
        name_string(device, "_HID", "ACPI0007");
        name_number(device, "_UID", static_cast<std::uint16_t>(vcpu));
        name_number(device, "_STA", 0x0f);                 // present, enabled, shown, working
        const Bytes whole = package("\x5b\x82"sv, device); // DeviceOp
        processors.insert(processors.end(), whole.begin(), whole.end());
    }
    Bytes out = begin("DSDT", 2);
    const Bytes scope = package("\x10"sv, processors); // ScopeOp
    out.insert(out.end(), scope.begin(), scope.end());
    return finish(std::move(out));
}

/// System Resource Affinity Table (5.2.16).
Bytes srat(const AcpiMachine& machine) {
    constexpr std::uint32_t enabled = 1;
    Bytes out = begin("SRAT", 3);
    put<std::uint32_t>(out, 1);
    put<std::uint64_t>(out, 0);
    for (unsigned vcpu = 0; vcpu < machine.vcpu_nodes.size(); ++vcpu) { // x2APIC affinity: any id
        put<std::uint8_t>(out, 2);
        put<std::uint8_t>(out, 24);
        put<std::uint16_t>(out, 0);
        put(out, machine.vcpu_nodes[vcpu]);
        put(out, apic_id(vcpu));
        put(out, enabled);
        put<std::uint64_t>(out, 0); // clock domain and a reserved word
    }
    for (const AcpiMemory& memory : machine.memory) {
        put<std::uint8_t>(out, 1);
        put<std::uint8_t>(out, 40);
        put(out, memory.node);
        put<std::uint16_t>(out, 0);
        put(out, memory.start);
        put(out, memory.size);
        put<std::uint32_t>(out, 0);
        put(out, enabled);
        put<std::uint64_t>(out, 0);
    }
    return finish(std::move(out));
}

/// System Locality Information Table (5.2.17).
Bytes slit(const AcpiMachine& machine) {
    std::uint64_t nodes = 0;
    while (nodes * nodes < machine.distances.size())
        ++nodes;
    Bytes out = begin("SLIT", 1);
    put(out, nodes);
    out.insert(out.end(), machine.distances.begin(), machine.distances.end());
    return finish(std::move(out));
}

} // namespace

AcpiTables acpi_tables(const AcpiMachine& machine, std::uint64_t address) {
    constexpr std::size_t rsdp_size = 36, alignment = 64;
    AcpiTables out;
    out.rsdp = address;
    out.bytes.resize(alignment); // the RSDP's room
    const auto place = [&out, address](const Bytes& table) {
        const std::uint64_t at = address + out.bytes.size();
        out.bytes.insert(out.bytes.end(), table.begin(), table.end());
        out.bytes.resize((out.bytes.size() + alignment - 1) / alignment * alignment);
        return at;
    };
    std::vector<std::uint64_t> tables{place(fadt(place(dsdt(machine.vcpus)))), place(madt(machine.vcpus))};
    if (!machine.memory.empty()) {
        tables.push_back(place(srat(machine)));
        tables.push_back(place(slit(machine)));
    }
    Bytes xsdt = begin("XSDT", 1);
    for (const std::uint64_t table : tables)
        put(xsdt, table);
    const std::uint64_t root = place(finish(std::move(xsdt)));

    Bytes rsdp; // 5.2.5.3
    put_text(rsdp, "RSD PTR ");
    rsdp.push_back(0);
    put_text(rsdp, "HOSPES");
    rsdp.push_back(2);
    put<std::uint32_t>(rsdp, 0); // no RSDT
    put<std::uint32_t>(rsdp, rsdp_size);
    put(rsdp, root);
    rsdp.resize(rsdp_size);
    balance(rsdp, 0, 20, 8);
    balance(rsdp, 0, rsdp_size, 32);
    std::copy(rsdp.begin(), rsdp.end(), out.bytes.begin());
    return out;
}

} // namespace hospes::xc
