// SPDX-License-Identifier: MIT
// The table of xl.cfg keys: each has a function that puts its value into the configuration.
#pragma once

#include <optional>
#include <span>

#include "xl/config/to_domain.hpp"

namespace hospes::cfg {

/// What is wrong with a value and where in it; nullopt when it is fine.
struct Problem {
    std::string message, hint;
    Place place;
};
using Outcome = std::optional<Problem>;
/// State that is not part of the configuration itself until all keys have been read.
struct Draft {
    Draft(xl::DomainConfig& into, const Defaults& known) : config(into), defaults(known) {}

    xl::DomainConfig& config;
    const Defaults& defaults;
    const Value* cmdline = nullptr;
    std::string root, extra;
    std::optional<std::uint64_t> memory_mib, maxmem_mib;
    std::optional<int> vcpus, maxvcpus;
    const Value *cpus = nullptr, *cpus_soft = nullptr, *vnuma = nullptr, *pci = nullptr, *firmware = nullptr;
    xl::DevicePci pci_defaults;
    xl::DeviceVfb display;           ///< vnc=, sdl=... of a PV guest make a framebuffer of this
    std::vector<xl::DeviceVkb> vkbs; ///< those of vkb= come after those that vfb= brings
    std::vector<Problem> warnings;

    void warn(const Value& value, std::string message, std::string hint = {}) {
        warnings.push_back({std::move(message), std::move(hint), value.place});
    }
};

/// Whether a key changes anything once it is in the configuration. One that does not is warned about.
enum class Effect {
    yes,
    none,    ///< understood, but nothing acts on it yet
    hvm,     ///< only for HVM guests
    display, ///< for HVM guests, and for a PV guest's framebuffer
    arm,     ///< only on Arm hosts
};

struct Key {
    std::string_view name;
    Outcome (*apply)(Draft&, const Value&); ///< nullptr: nothing to be understood
    Effect effect = Effect::yes;
};

std::span<const Key> general_keys();
std::span<const Key> hvm_keys();
std::span<const Key> device_keys();
std::span<const Key> passthrough_keys();
std::span<const Key> media_keys();

/// What depends on more than one key; called when all have been read.
Outcome settle_cpus(Draft& draft);
Outcome settle_vnuma(Draft& draft);
Outcome settle_pci(Draft& draft);
Outcome settle_devices(Draft& draft);

// Value readers shared by the tables.
Outcome wrong(const Value& value, std::string message, std::string hint = {});
Outcome wrong(const Value& value, const Error& error);
Outcome read_text(const Value& value, std::string& out);
Outcome read_bool(const Value& value, bool& out);
Outcome read_bool(const Value& value, xl::DefBool& out);
/// A list of strings; one string where that is the older form.
Outcome read_strings(const Value& value, xl::StringList& out);
template <typename T> Outcome read_number(const Value& value, T& out);
/// A number as xl.cfg writes it: decimal, 0x hexadecimal, 0 octal.
template <typename T> std::optional<T> cfg_number(std::string_view text);

} // namespace hospes::cfg
