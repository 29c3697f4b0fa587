// SPDX-License-Identifier: MIT
// Small value types of libxl's API that are not plain integers or strings.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "libxl/types/reflect.hpp"

namespace hospes::xl {

/// An integer whose "not given" value is not 0 (libxl's IDL init_val): JSON leaves it out when it
/// has that value.
template <typename T, T Unset> struct WithDefault {
    T value = Unset;
    constexpr WithDefault() = default;
    constexpr WithDefault(T v) : value(v) {}       // NOLINT: implicit by purpose
    constexpr operator T() const { return value; } // NOLINT: implicit by purpose
    [[nodiscard]] constexpr bool is_default() const { return value == Unset; }
};

/// libxl_defbool: a boolean that may be left to the library. JSON: "True", "False", "<default>".
class DefBool {
  public:
    constexpr DefBool() = default;
    constexpr DefBool(bool value) : value_(value ? 1 : -1) {} // NOLINT: implicit by purpose
    [[nodiscard]] constexpr bool is_default() const { return value_ == 0; }
    [[nodiscard]] constexpr bool value_or(bool fallback) const { return value_ == 0 ? fallback : value_ > 0; }
    constexpr void set_if_default(bool value) {
        if (is_default()) value_ = value ? 1 : -1;
    }
    friend constexpr bool operator==(DefBool, DefBool) = default;

  private:
    int value_ = 0;
};

/// A set of small numbers (CPUs, nodes, enlightenments). JSON: array of the members.
class Bitmap {
  public:
    void set(unsigned bit) {
        if (bit / 64 >= words_.size()) words_.resize(bit / 64 + 1);
        words_[bit / 64] |= std::uint64_t{1} << (bit % 64);
    }
    void clear(unsigned bit) {
        if (bit / 64 < words_.size()) words_[bit / 64] &= ~(std::uint64_t{1} << (bit % 64));
        trim();
    }
    [[nodiscard]] bool test(unsigned bit) const {
        return bit / 64 < words_.size() && ((words_[bit / 64] >> (bit % 64)) & 1) != 0;
    }
    [[nodiscard]] bool empty() const { return words_.empty(); }
    [[nodiscard]] unsigned count() const {
        unsigned n = 0;
        for (const std::uint64_t word : words_)
            n += static_cast<unsigned>(__builtin_popcountll(word));
        return n;
    }
    /// One past the highest member.
    [[nodiscard]] unsigned limit() const {
        return words_.empty()
                   ? 0
                   : static_cast<unsigned>(words_.size() * 64) - static_cast<unsigned>(__builtin_clzll(words_.back()));
    }
    [[nodiscard]] std::vector<unsigned> members() const {
        std::vector<unsigned> out;
        for (unsigned bit = 0; bit < limit(); ++bit)
            if (test(bit)) out.push_back(bit);
        return out;
    }
    friend bool operator==(const Bitmap&, const Bitmap&) = default;

  private:
    void trim() {
        while (!words_.empty() && words_.back() == 0)
            words_.pop_back();
    }
    std::vector<std::uint64_t> words_; // no trailing zero word, so that equality is set equality
};

/// JSON: the usual text form. All zero means "not given".
struct Uuid {
    std::array<std::uint8_t, 16> bytes{};
    [[nodiscard]] bool is_nil() const { return bytes == std::array<std::uint8_t, 16>{}; }
    friend bool operator==(const Uuid&, const Uuid&) = default;
};
struct Mac {
    std::array<std::uint8_t, 6> bytes{};
    [[nodiscard]] bool is_default() const { return bytes == std::array<std::uint8_t, 6>{}; }
    friend bool operator==(const Mac&, const Mac&) = default;
};
std::string to_string(const Uuid& uuid);
std::string to_string(const Mac& mac);
bool parse(std::string_view text, Uuid& out); ///< with or without dashes
bool parse(std::string_view text, Mac& out);
Uuid random_uuid();
/// A random address in Xen's range 00:16:3e:xx:xx:xx.
Mac random_mac();

/// JSON: a map; order as given.
using KeyValueList = std::vector<std::pair<std::string, std::string>>;
using StringList = std::vector<std::string>;

/// libxl_ms_vm_genid. JSON: an array of 16 numbers. All zero means "none".
struct GenerationId {
    std::array<std::uint8_t, 16> bytes{};
    [[nodiscard]] bool is_default() const { return bytes == std::array<std::uint8_t, 16>{}; }
    friend bool operator==(const GenerationId&, const GenerationId&) = default;
};
GenerationId random_generation_id();

/// Overrides of one CPUID leaf: a mask per register in xl's syntax, 32 characters of 0 1 x k s from
/// bit 31 down to bit 0, or empty.
struct CpuidEntry {
    std::uint32_t leaf = 0;
    WithDefault<std::uint32_t, ~0U> subleaf; ///< not given: any
    std::string eax, ebx, ecx, edx;
    HOSPES_FIELDS(leaf, subleaf, eax, ebx, ecx, edx)
    friend bool operator==(const CpuidEntry&, const CpuidEntry&) = default;
};
/// Overrides of a model specific register that carries features: 64 characters, as above.
struct MsrEntry {
    std::uint32_t index = 0;
    std::string policy;
    HOSPES_FIELDS(index, policy)
    friend bool operator==(const MsrEntry&, const MsrEntry&) = default;
};
/// libxl_cpuid_policy_list. JSON: {"cpuid": [...], "msr": [...]}; the older plain array is read as well.
struct CpuPolicy {
    std::vector<CpuidEntry> cpuid;
    std::vector<MsrEntry> msr;
    [[nodiscard]] bool empty() const { return cpuid.empty() && msr.empty(); }
    friend bool operator==(const CpuPolicy&, const CpuPolicy&) = default;
};

inline constexpr std::uint64_t memkb_default = ~std::uint64_t{0};
inline constexpr std::uint32_t grant_default = ~std::uint32_t{0};
inline constexpr std::uint64_t invalid_gfn = ~std::uint64_t{0};

using MemKb = WithDefault<std::uint64_t, memkb_default>;
using DeviceId = WithDefault<int, -1>;
using SchedParam = WithDefault<int, -1>;

} // namespace hospes::xl
