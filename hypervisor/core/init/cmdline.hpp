// SPDX-License-Identifier: MIT
// The hypervisor's command line, in Xen's spelling. An option is an object that links itself into a section:
//     static BoolOption noreboot("noreboot", false);
// Unknown or malformed options are named in the log and ignored.
#pragma once

#include "lib/types.hpp"

namespace hv {

/// Parses `value` (text behind '=', "" when there is none; `negated`: spelled no-NAME or NAME=no). False: malformed.
struct Option {
    const char* name;
    bool (*parse)(Option& self, const char* value, bool negated);
};

struct BoolOption : Option {
    bool value;
    bool given = false;
    constexpr BoolOption(const char* option, bool initial) : Option{option, parse_it}, value(initial) {}
    explicit operator bool() const { return value; }

  private:
    static bool parse_it(Option& self, const char* value, bool negated);
};

struct NumberOption : Option {
    u64 value;
    bool given = false;
    constexpr NumberOption(const char* option, u64 initial) : Option{option, parse_it}, value(initial) {}

  private:
    static bool parse_it(Option& self, const char* value, bool negated);
};

/// Bytes; a plain number means kilobytes as in Xen ("dom0_mem=512M", "conring_size=32k").
struct SizeOption : Option {
    u64 value;
    bool given = false;
    constexpr SizeOption(const char* option, u64 initial) : Option{option, parse_it}, value(initial) {}

  private:
    static bool parse_it(Option& self, const char* value, bool negated);
};

struct StringOption : Option {
    char value[64];
    constexpr StringOption(const char* option, const char* initial) : Option{option, parse_it}, value{} {
        for (unsigned i = 0; i < sizeof(value) - 1 && initial[i]; ++i)
            value[i] = initial[i];
    }

  private:
    static bool parse_it(Option& self, const char* value, bool negated);
};

/// A parser of its own: `constexpr CustomOption x("name", [](Option&, const char* value, bool negated) {...});`
struct CustomOption : Option {
    constexpr CustomOption(const char* option, bool (*function)(Option&, const char*, bool))
        : Option{option, function} {}
};

/// Place after an option's definition at namespace scope: HV_OPTION(noreboot);
#define HV_OPTION(object)                                                                                              \
    [[gnu::section(".hv_options"), gnu::used]] static ::hv::Option* const object##_entry = &(object)

/// Parses the whole line (words by spaces, quotes group). `complain(option, why)` once for each word not understood.
void cmdline_parse(const char* line, Option* const* first, Option* const* last,
                   void (*complain)(const char* word, const char* why));
/// The boot command line against the linked options.
void cmdline_init(const char* line);
/// Accepts on/off/yes/no/true/false/enable/disable/1/0 and "" (true). -1: none of these.
int parse_boolean(const char* value);

} // namespace hv
