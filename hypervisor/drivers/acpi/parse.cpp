// SPDX-License-Identifier: MIT
// ACPI table parsing (ACPI 6.4 ch. 5). Firmware is not trusted to be well-formed: all reads go through Table, which
// knows the mapped length, and values that do not fit our arrays are dropped with a word in the log.
#include "core/debug/printk.hpp"
#include "drivers/acpi/acpi.hpp"

namespace hv {

namespace {

constexpr u32 header_size = 36, max_table = 1 << 20;

/// Bytes of one table. Reads beyond the end give 0, so a short table reads like one with absent fields.
class Table {
  public:
    Table(const u8* bytes, u32 size) : bytes_(bytes), size_(size) {}
    [[nodiscard]] u32 size() const { return size_; }
    [[nodiscard]] u64 get(u32 offset, u32 bytes) const {
        u64 value = 0;
        if (offset > size_ || bytes > size_ - offset) return 0;
        for (u32 i = 0; i < bytes; ++i)
            value |= u64{bytes_[offset + i]} << (8 * i);
        return value;
    }
    [[nodiscard]] u8 byte(u32 offset) const { return static_cast<u8>(get(offset, 1)); }
    [[nodiscard]] u16 word(u32 offset) const { return static_cast<u16>(get(offset, 2)); }
    [[nodiscard]] u32 dword(u32 offset) const { return static_cast<u32>(get(offset, 4)); }
    [[nodiscard]] u64 qword(u32 offset) const { return get(offset, 8); }
    [[nodiscard]] bool sums_to_zero() const {
        u8 sum = 0;
        for (u32 i = 0; i < size_; ++i)
            sum = static_cast<u8>(sum + bytes_[i]);
        return sum == 0;
    }

  private:
    const u8* bytes_;
    u32 size_;
};

constexpr u32 signature(const char (&s)[5]) {
    u32 value = 0;
    for (unsigned i = 0; i < 4; ++i)
        value |= static_cast<u32>(static_cast<u8>(s[i])) << (8 * i);
    return value;
}

class Parser {
  public:
    Parser(AcpiInfo& out, AcpiMap map) : out_(out), map_(map) {}
    bool run(u64 rsdp);

  private:
    bool load_root(u64 address, u32 entry_bytes);
    template <typename F> bool with_table(u64 address, F&& parse);
    template <typename F> void find(const char (&name)[5], F&& parse);
    void madt(const Table& t);
    void madt_entry(const Table& t, u32 at);
    void add_cpu(u32 apic_id, u32 acpi_id, u32 flags);
    void fadt(const Table& t);
    void hpet(const Table& t);
    void mcfg(const Table& t);
    void srat(const Table& t);
    void srat_cpu(u32 apic_id, u32 domain);
    void slit(const Table& t);
    u32 node_of(u32 domain);

    AcpiInfo& out_;
    AcpiMap map_;
    u64 root_ = 0;
    u32 entry_bytes_ = 0;
    u32 entries_ = 0;
};

/// Maps and checks a table and hands it to `parse`. False when it is broken.
template <typename F> bool Parser::with_table(u64 address, F&& parse) {
    const u8* head = address ? map_(address, header_size) : nullptr;
    if (!head) return false;
    const u32 size = Table(head, header_size).dword(4);
    if (size < header_size || size > max_table) return false;
    const u8* body = map_(address, size);
    if (!body || !Table(body, size).sums_to_zero()) return false;
    parse(Table(body, size));
    return true;
}

bool Parser::load_root(u64 address, u32 entry_bytes) {
    return with_table(address, [&](const Table& t) {
        root_ = address;
        entry_bytes_ = entry_bytes;
        entries_ = (t.size() - header_size) / entry_bytes;
    });
}

/// First table of that name. The root is mapped anew for each entry: a mapping lives until the next one.
template <typename F> void Parser::find(const char (&name)[5], F&& parse) {
    for (u32 i = 0; i < entries_; ++i) {
        u64 address = 0;
        static_cast<void>(
            with_table(root_, [&](const Table& t) { address = t.get(header_size + i * entry_bytes_, entry_bytes_); }));
        const u8* head = address ? map_(address, header_size) : nullptr;
        if (!head || Table(head, header_size).dword(0) != signature(name)) continue;
        if (!with_table(address, parse)) {
            log_warning("ACPI: table {} at {:x} is broken: ignored", name, address);
            continue;
        }
        return;
    }
}

bool Parser::run(u64 rsdp) {
    const u8* bytes = rsdp ? map_(rsdp, 36) : nullptr;
    if (!bytes) return false;
    const Table root(bytes, 36);
    if (root.qword(0) != 0x2052545020445352 || !Table(bytes, 20).sums_to_zero()) // "RSD PTR "
        return false;
    const u64 rsdt = root.dword(16), xsdt = root.qword(24);
    const bool extended = root.byte(15) >= 2 && root.dword(20) >= 36 && root.sums_to_zero();
    if (!(extended && load_root(xsdt, 8)) && !load_root(rsdt, 4)) return false;
    out_.present = true;
    out_.rsdp = rsdp;
    find("APIC", [this](const Table& t) { madt(t); });
    find("FACP", [this](const Table& t) { fadt(t); });
    find("HPET", [this](const Table& t) { hpet(t); });
    find("MCFG", [this](const Table& t) { mcfg(t); });
    find("SRAT", [this](const Table& t) { srat(t); });
    find("SLIT", [this](const Table& t) { slit(t); });
    return true;
}

void Parser::add_cpu(u32 apic_id, u32 acpi_id, u32 flags) {
    if (!(flags & 1) || apic_id == ~0U) return;
    for (u32 i = 0; i < out_.cpu_count; ++i)
        if (out_.cpus[i].apic_id == apic_id) return;
    if (out_.cpu_count == max_cpus) {
        log_warning("ACPI: more than {} CPUs: APIC id {} left out", max_cpus, apic_id);
        return;
    }
    out_.cpus[out_.cpu_count++] = {.apic_id = apic_id, .acpi_id = acpi_id, .enabled = true};
}

/// One MADT entry (5.2.12.2 and following); `at` is its type byte, its length has been checked to fit.
void Parser::madt_entry(const Table& t, u32 at) {
    switch (t.byte(at)) {
    case 0: // local APIC; id 0xff is the broadcast address
        if (t.byte(at + 3) != 0xff) add_cpu(t.byte(at + 3), t.byte(at + 2), t.dword(at + 4));
        break;
    case 1:
        if (out_.ioapic_count == acpi_max_ioapics)
            log_warning("ACPI: more than {} IO-APICs", acpi_max_ioapics);
        else
            out_.ioapics[out_.ioapic_count++] = {t.byte(at + 2), t.dword(at + 4), t.dword(at + 8)};
        break;
    case 2: { // interrupt source override: what conforms to ISA is edge, active high
        const u16 flags = t.word(at + 8);
        if (t.byte(at + 3) < 16 && out_.override_count < acpi_max_overrides)
            out_.overrides[out_.override_count++] = {t.byte(at + 3), t.dword(at + 4), (flags & 3) == 3,
                                                     (flags >> 2 & 3) == 3};
        break;
    }
    case 5: out_.lapic_address = t.qword(at + 4); break;
    case 9: add_cpu(t.dword(at + 4), t.dword(at + 12), t.dword(at + 8)); break;
    default: break;
    }
}

void Parser::madt(const Table& t) {
    static constexpr u8 least[] = {8, 12, 10, 0, 0, 12, 0, 0, 0, 16};
    out_.lapic_address = t.dword(36);
    out_.has_8259 = t.dword(40) & 1;
    for (u32 at = 44; at + 2 <= t.size();) {
        const u32 type = t.byte(at), size = t.byte(at + 1);
        if (size < 2 || size > t.size() - at) {
            log_warning("ACPI: MADT entry at {} has a bad length", at);
            return;
        }
        if (type >= sizeof(least) || size >= least[type]) madt_entry(t, at);
        at += size;
    }
}

AcpiAddress gas(const Table& t, u32 at) { return {t.byte(at), t.byte(at + 1), t.qword(at + 4)}; }

/// The extended block when it is there, else the legacy port.
AcpiAddress block(const Table& t, u32 extended, u32 legacy, u8 bytes) {
    const AcpiAddress x = gas(t, extended);
    if (x.address != 0 && x.space <= 1) return x;
    const u64 port = t.dword(legacy);
    return port ? AcpiAddress{1, static_cast<u8>(bytes * 8), port} : AcpiAddress{};
}

void Parser::fadt(const Table& t) {
    const u32 flags = t.dword(112);
    out_.sci_irq = t.word(46);
    out_.facs = t.qword(132) ? t.qword(132) : t.dword(36);
    out_.pm1a_event = block(t, 148, 56, t.byte(88));
    out_.pm1b_event = block(t, 160, 60, t.byte(88));
    out_.pm1a_control = block(t, 172, 64, t.byte(89));
    out_.pm1b_control = block(t, 184, 68, t.byte(89));
    out_.pm_timer = block(t, 208, 76, 4);
    out_.pm_timer_32bit = flags & 1 << 8;
    out_.hw_reduced = flags & 1 << 20;
    if (flags & 1 << 10) {
        out_.reset_register = gas(t, 116);
        out_.reset_value = t.byte(128);
    }
}

void Parser::hpet(const Table& t) {
    if (t.byte(40) == 0) out_.hpet_address = t.qword(44);
}

void Parser::mcfg(const Table& t) {
    for (u32 at = 44; at + 16 <= t.size(); at += 16) {
        const AcpiMcfg window{t.qword(at), t.word(at + 8), t.byte(at + 10), t.byte(at + 11)};
        if (window.first_bus > window.last_bus || window.address & 0xfffff || window.address >> 52) {
            log_warning("ACPI: bad MCFG window at {:x}", window.address);
            continue;
        }
        if (out_.mcfg_count < acpi_max_mcfg) out_.mcfg[out_.mcfg_count++] = window;
    }
}

/// Dense number of a proximity domain; node 0 when there are too many.
u32 Parser::node_of(u32 domain) {
    for (u32 i = 0; i < out_.node_count; ++i)
        if (out_.node_domain[i] == domain) return i;
    if (out_.node_count == acpi_max_nodes) return 0;
    out_.node_domain[out_.node_count] = domain;
    return out_.node_count++;
}

void Parser::srat_cpu(u32 apic_id, u32 domain) {
    for (u32 i = 0; i < out_.cpu_count; ++i)
        if (out_.cpus[i].apic_id == apic_id) out_.cpus[i].node = node_of(domain);
}

void Parser::srat(const Table& t) {
    out_.node_count = 0;
    for (u32 at = 48; at + 2 <= t.size();) {
        const u32 type = t.byte(at), size = t.byte(at + 1);
        if (size < 2 || size > t.size() - at) break;
        if (type == 0 && size >= 16 && t.dword(at + 4) & 1) {
            srat_cpu(t.byte(at + 3), t.byte(at + 2) | static_cast<u32>(t.get(at + 9, 3)) << 8);
        } else if (type == 1 && size >= 40 && t.dword(at + 28) & 1) {
            const u64 start = t.qword(at + 8), bytes = t.qword(at + 16);
            if (bytes != 0 && start + bytes > start && out_.memory_count < acpi_max_memory)
                out_.memory[out_.memory_count++] = {start, start + bytes, node_of(t.dword(at + 2))};
        } else if (type == 2 && size >= 24 && t.dword(at + 12) & 1) {
            srat_cpu(t.dword(at + 8), t.dword(at + 4));
        }
        at += size;
    }
    if (out_.node_count == 0) out_.node_count = 1;
}

void Parser::slit(const Table& t) {
    const u64 count = t.qword(36);
    if (count > 4096 || 44 + count * count > t.size()) {
        log_warning("ACPI: SLIT says {} domains in {} bytes: ignored", count, t.size());
        return;
    }
    for (u32 i = 0; i < out_.node_count; ++i)
        for (u32 j = 0; j < out_.node_count; ++j) {
            const u64 from = out_.node_domain[i], to = out_.node_domain[j];
            const bool known = from < count && to < count;
            const u8 value = known ? t.byte(static_cast<u32>(44 + from * count + to)) : u8{0};
            out_.distance[i][j] = i == j ? u8{10} : value > 10 ? value : u8{20}; // 5.2.17: 10 is "local"
        }
    out_.has_distances = true;
}

u64 scan(AcpiMap map, u64 from, u64 to) {
    for (u64 at = from; at + 20 <= to; at += 16) {
        const u8* bytes = map(at, 20);
        if (bytes && Table(bytes, 20).qword(0) == 0x2052545020445352 && Table(bytes, 20).sums_to_zero()) return at;
    }
    return 0;
}

} // namespace

bool acpi_parse(AcpiInfo& out, u64 rsdp, AcpiMap map) { return Parser(out, map).run(rsdp); }

u64 acpi_scan_rsdp(AcpiMap map) {
    const u8* bda = map(0x40e, 2); // segment of the extended BIOS data area
    const u64 ebda = bda ? Table(bda, 2).get(0, 2) << 4 : 0;
    if (ebda >= 0x400 && ebda < 0xa0000)
        if (const u64 found = scan(map, ebda, ebda + 1024)) return found;
    return scan(map, 0xe0000, 0x100000);
}

} // namespace hv
