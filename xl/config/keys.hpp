// SPDX-License-Identifier: MIT
// The table of xl.cfg keys: each has a function that puts its value into the configuration.
#pragma once

#include <functional>
#include <optional>

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
    xl::DomainConfig config;
    Defaults defaults;
    std::string root, extra;
    bool have_cmdline = false;
    std::optional<std::uint64_t> memory_mib, maxmem_mib;
    std::optional<int> vcpus, maxvcpus;
    bool vnc = false, sdl = false;
};

struct Key {
    std::string_view name;
    std::function<Outcome(Draft&, const Value&)> apply; ///< empty: known, no effect yet
};

void add_general_keys(std::vector<Key>& keys);
void add_hvm_keys(std::vector<Key>& keys);
void add_device_keys(std::vector<Key>& keys);

// Value readers shared by the tables.
Outcome wrong(const Value& value, std::string message, std::string hint = {});
Outcome read_text(const Value& value, std::string& out);
Outcome read_bool(const Value& value, bool& out);
Outcome read_bool(const Value& value, xl::DefBool& out);
Outcome read_strings(const Value& value, xl::StringList& out); ///< a list, or one string
template <typename T> Outcome read_number(const Value& value, T& out);
/// "0-3,^1,5", "all", or a list of such.
Outcome read_cpus(const Value& value, xl::Bitmap& out);

} // namespace hospes::cfg
