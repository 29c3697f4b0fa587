// SPDX-License-Identifier: MIT
#include "libxl/types/cpuid_policy.hpp"

#include <algorithm>
#include <array>
#include <cstdint>
#include <optional>

#include "libxl/device/spec_text.hpp"

namespace hospes::xl {
namespace {

constexpr std::uint32_t any = ~0U;
constexpr std::string_view registers = "abcd";

/// Where bits lie: register `reg` (0 eax ... 3 edx) of a leaf, or half `reg` of an MSR (is_msr).
struct Field {
    std::string_view name;
    std::uint32_t leaf = 0, subleaf = any;
    unsigned reg = 0, bit = 0, width = 1;
    bool is_msr = false;
};

/// A word of the feature set: 32 features each.
struct Word {
    std::uint32_t leaf, subleaf;
    unsigned reg;
    bool is_msr;
};
constexpr Word words[] = {
    {1, any, 3, false},
    {1, any, 2, false},
    {0x80000001, any, 3, false},
    {0x80000001, any, 2, false},
    {0xd, 1, 0, false},
    {7, 0, 1, false},
    {7, 0, 2, false},
    {0x80000007, any, 3, false},
    {0x80000008, any, 1, false},
    {7, 0, 3, false},
    {7, 1, 0, false},
    {0x80000021, any, 0, false},
    {7, 1, 1, false},
    {7, 2, 3, false},
    {7, 1, 2, false},
    {7, 1, 3, false},
    {0x10a, any, 0, true},
    {0x10a, any, 1, true},
    {0x80000021, any, 2, false},
};

struct Feature {
    std::string_view name; // as in the header: upper case, underscores
    unsigned number;
};
constexpr Feature features[] = {
#define XEN_CPUFEATURE(name, value) {#name, value},
#include <xen/arch-x86/cpufeatureset.h>
};

/// Fields that are not single features, and older names.
constexpr Field named_fields[] = {
    {"maxleaf", 0, any, 0, 0, 32},
    {"family", 1, any, 0, 8, 8}, // split, see set_family()
    {"model", 1, any, 0, 4, 8},  // split, see set_model()
    {"stepping", 1, any, 0, 0, 4},
    {"brandid", 1, any, 1, 0, 8},
    {"clflush", 1, any, 1, 8, 8},
    {"proccount", 1, any, 1, 16, 8},
    {"localapicid", 1, any, 1, 24, 8},
    {"cntxid", 1, any, 2, 10},
    {"cmpxchg16", 1, any, 2, 13},
    {"sse4_1", 1, any, 2, 19},
    {"sse4.1", 1, any, 2, 19},
    {"sse4_2", 1, any, 2, 20},
    {"sse4.2", 1, any, 2, 20},
    {"aes", 1, any, 2, 25},
    {"cmpxchg8", 1, any, 3, 8},
    {"sysenter", 1, any, 3, 11},
    {"psn", 1, any, 3, 18},
    {"clfsh", 1, any, 3, 19},
    {"tm", 1, any, 3, 29},
    {"ia64", 1, any, 3, 30},
    {"procpkg", 4, 0, 0, 26, 6},
    {"arat", 6, any, 0, 2},
    {"tsc_adjust", 7, 0, 1, 1},
    {"cmt", 7, 0, 1, 12},
    {"maxhvleaf", 0x40000000, any, 0, 0, 8},
    {"lahfsahf", 0x80000001, any, 2, 0},
    {"cmplegacy", 0x80000001, any, 2, 1},
    {"altmovcr8", 0x80000001, any, 2, 4},
    {"nodeid", 0x80000001, any, 2, 19},
    {"perfctr_core", 0x80000001, any, 2, 23},
    {"perfctr_nb", 0x80000001, any, 2, 24},
    {"invtsc", 0x80000007, any, 3, 8},
    {"nc", 0x80000008, any, 2, 0, 8},
    {"apicidsize", 0x80000008, any, 2, 12, 4},
    {"svm_npt", 0x8000000a, any, 3, 0},
    {"svm_lbrv", 0x8000000a, any, 3, 1},
    {"svm_nrips", 0x8000000a, any, 3, 3},
    {"svm_tscrate", 0x8000000a, any, 3, 4},
    {"svm_vmcbclean", 0x8000000a, any, 3, 5},
    {"svm_decode", 0x8000000a, any, 3, 7},
    {"svm_pausefilt", 0x8000000a, any, 3, 10},
    {"lfence+", 0x80000021, any, 0, 2},
};

/// The header's name in the configuration's spelling: "LAHF_LM" is "lahf-lm".
bool same_feature(std::string_view header, std::string_view wanted) {
    return std::equal(header.begin(), header.end(), wanted.begin(), wanted.end(), [](char h, char w) {
        return w == (h == '_' ? '-' : h >= 'A' && h <= 'Z' ? static_cast<char>(h - 'A' + 'a') : h);
    });
}

std::optional<Field> find_field(std::string_view name) {
    for (const Field& field : named_fields)
        if (field.name == name) return field;
    for (const Feature& feature : features)
        if (same_feature(feature.name, name) && feature.number / 32 < std::size(words)) {
            const Word& word = words[feature.number / 32];
            return Field{name, word.leaf, word.subleaf, word.reg, feature.number % 32, 1, word.is_msr};
        }
    return std::nullopt;
}

std::string& register_of(CpuidEntry& entry, unsigned reg) {
    return reg == 0 ? entry.eax : reg == 1 ? entry.ebx : reg == 2 ? entry.ecx : entry.edx;
}

/// The mask that a field belongs to, made of x when it is new, and where its bit 0 stands in it.
struct Place {
    std::string* mask;
    std::size_t bit0;
};
Place mask_of(const Field& field, CpuPolicy& out) {
    if (field.is_msr) {
        auto found =
            std::find_if(out.msr.begin(), out.msr.end(), [&](const MsrEntry& e) { return e.index == field.leaf; });
        if (found == out.msr.end()) found = out.msr.insert(found, {field.leaf, std::string(64, 'x')});
        return {&found->policy, 63 - 32 * field.reg};
    }
    auto found = std::find_if(out.cpuid.begin(), out.cpuid.end(),
                              [&](const CpuidEntry& e) { return e.leaf == field.leaf && e.subleaf == field.subleaf; });
    if (found == out.cpuid.end()) {
        found = out.cpuid.insert(found, CpuidEntry{});
        found->leaf = field.leaf;
        found->subleaf = field.subleaf;
    }
    std::string& mask = register_of(*found, field.reg);
    if (mask.empty()) mask.assign(32, 'x');
    return {&mask, 31};
}

void set_bits(const Place& place, unsigned first, unsigned width, std::uint32_t value) {
    for (unsigned i = 0; i < width; ++i)
        (*place.mask)[place.bit0 - first - i] = (value >> i) & 1 ? '1' : '0';
}

/// Family and model are split over two fields each (AMD APM 3, CPUID Fn1_EAX).
void set_value(const Field& field, const Place& place, std::uint32_t value) {
    if (field.name == "family") {
        set_bits(place, 8, 4, std::min(value, 15U));
        set_bits(place, 20, 8, value > 15 ? value - 15 : 0);
    } else if (field.name == "model") {
        set_bits(place, 4, 4, value);
        set_bits(place, 16, 4, value >> 4);
    } else {
        set_bits(place, field.bit, field.width, value);
    }
}
std::uint32_t largest_value(const Field& field) {
    if (field.name == "family") return 15 + 255;
    return field.width == 32 ? ~0U : (1U << field.width) - 1;
}

Status apply_flag(std::string_view item, CpuPolicy& out) {
    const auto equals = item.find('=');
    if (equals == std::string_view::npos)
        return error("", 0, "'" + std::string(item) + "' is not FEATURE=VALUE", "for example tm=0");
    const std::string_view name = trim(item.substr(0, equals)), value = trim(item.substr(equals + 1));
    const auto field = find_field(name);
    if (!field)
        return error("", 0, "unknown CPUID feature '" + std::string(name) + "'",
                     "names are those of Xen's public arch-x86/cpufeatureset.h in lower case, with - for _");
    const bool letter = value.size() == 1 && (value[0] == 'x' || value[0] == 'k' || value[0] == 's');
    const auto parsed = to_number<std::uint32_t>(value);
    if (!letter && (!parsed || parsed.value_or(0) > largest_value(*field)))
        return error("", 0, "'" + std::string(value) + "' is no value for " + std::string(name),
                     field->width == 1 ? "one of 0, 1, x, k, s"
                                       : "a number up to " + std::to_string(largest_value(*field)));
    const Place place = mask_of(*field, out);
    if (!letter)
        set_value(*field, place, parsed.value_or(0));
    else
        for (unsigned i = 0; i < field->width; ++i)
            (*place.mask)[place.bit0 - field->bit - i] = value[0];
    return {};
}

Status apply_register(std::string_view item, std::uint32_t leaf, std::uint32_t subleaf, CpuPolicy& out) {
    const auto equals = item.find('=');
    const std::string_view name = trim(item.substr(0, equals));
    const auto reg = name.size() == 3 && name[0] == 'e' && name[2] == 'x' ? registers.find(name[1]) : std::string::npos;
    if (reg == std::string::npos || equals == std::string_view::npos)
        return error("", 0, "'" + std::string(item) + "' is not REGISTER=BITS", "the register is eax, ebx, ecx or edx");
    const std::string_view bits = trim(item.substr(equals + 1));
    if (bits.size() != 32 || bits.find_first_not_of("01xks") != std::string_view::npos)
        return error("", 0, "the bits of " + std::string(name) + " are not 32 characters of 0, 1, x, k, s");
    *mask_of({"", leaf, subleaf, static_cast<unsigned>(reg), 0, 32}, out).mask = bits;
    return {};
}

} // namespace

Status parse_cpuid_flags(std::string_view text, CpuPolicy& out) {
    std::string_view rest = text;
    if (next_item(rest) != "host") return error("", 0, "the first word must be host", "for example \"host,tm=0\"");
    CpuPolicy policy = out;
    while (!rest.empty()) {
        const std::string_view item = next_item(rest);
        if (!item.empty()) HOSPES_TRY(apply_flag(item, policy));
    }
    out = std::move(policy);
    return {};
}

Status parse_cpuid_leaf(std::string_view text, CpuPolicy& out) {
    const auto colon = text.find(':');
    std::string_view head = text.substr(0, colon);
    const auto leaf = to_number<std::uint32_t>(next_item(head));
    const bool with_subleaf = !head.empty();
    const auto subleaf = with_subleaf ? to_number<std::uint32_t>(trim(head)) : std::optional(any);
    if (colon == std::string_view::npos || !leaf || !subleaf)
        return error(
            "", 0, "'" + std::string(text) + "' does not start with LEAF[,SUBLEAF]:", "for example 0x80000001:ecx=...");
    CpuPolicy policy = out;
    for (std::string_view rest = text.substr(colon + 1); !rest.empty();) {
        const std::string_view item = next_item(rest);
        if (!item.empty()) HOSPES_TRY(apply_register(item, *leaf, *subleaf, policy));
    }
    out = std::move(policy);
    return {};
}

} // namespace hospes::xl
