// SPDX-License-Identifier: MIT
// The common kinds of key: a member of a part of the configuration, read as text, flag, number... They are functions,
// not closures, so that the tables are constants: every xl starts with this file linked in, few need it.
#pragma once

#include "libxl/device/spec_text.hpp"
#include "xl/config/keys.hpp"

namespace hospes::cfg {

/// d.config.*Path[0].*Path[1]...
template <auto... Path> auto& member(Draft& d) { return (d.config.*....*Path); }

template <auto... Path> Outcome text(Draft& d, const Value& v) { return read_text(v, member<Path...>(d)); }
template <auto... Path> Outcome flag(Draft& d, const Value& v) { return read_bool(v, member<Path...>(d)); }
template <auto... Path> Outcome strings(Draft& d, const Value& v) { return read_strings(v, member<Path...>(d)); }
template <typename T> struct BareNumber { using type = T; };
template <typename T, T Unset> struct BareNumber<xl::WithDefault<T, Unset>> { using type = T; };
template <typename Target> Outcome read_into(const Value& value, Target& target) {
    typename BareNumber<Target>::type number{};
    if (Outcome bad = read_number(value, number)) return bad;
    target = number;
    return {};
}
template <auto... Path> Outcome number(Draft& d, const Value& v) { return read_into(v, member<Path...>(d)); }
/// By the member's type.
inline Outcome read_member(const Value& v, std::string& out) { return read_text(v, out); }
inline Outcome read_member(const Value& v, xl::DefBool& out) { return read_bool(v, out); }
template <typename T> Outcome read_member(const Value& v, T& out) { return read_into(v, out); }
template <auto... Path> Outcome in(Draft& d, const Value& v) { return read_member(v, member<Path...>(d)); }
/// The file says MiB, the configuration KiB.
template <auto... Path> Outcome mib(Draft& d, const Value& v) {
    std::uint64_t value = 0;
    if (Outcome bad = read_number(v, value)) return bad;
    if (value > (1ULL << 34)) return wrong(v, "impossibly large");
    member<Path...>(d) = value * 1024;
    return {};
}
template <typename E> Outcome read_choice(const Value& value, E& out) {
    std::string name;
    if (Outcome bad = read_text(value, name)) return bad;
    if (const auto parsed = xl::from_string<E>(name)) {
        out = *parsed;
        return {};
    }
    std::string known;
    for (const auto& entry : xl::EnumTable<E>::entries)
        known += (known.empty() ? "one of " : ", ") + std::string(entry.name);
    return wrong(value, "unknown value '" + name + "'", known);
}
template <auto... Path> Outcome choice(Draft& d, const Value& v) { return read_choice(v, member<Path...>(d)); }

/// Applies `one` to every string of a list; a plain string counts as a list of one.
template <typename One> Outcome each_spec(const Value& value, One&& one) {
    if (!value.is_list()) return one(value, value.text());
    for (const Value& item : value.list()) {
        if (item.is_list()) return wrong(item, "a string is wanted here, not a list");
        if (Outcome bad = one(item, item.text())) return bad;
    }
    return {};
}
/// Splits "key=value,..." and gives each pair to `take`, which says whether it could use it.
template <typename Take> Outcome each_pair(const Value& value, std::string_view spec, Take&& take) {
    while (!spec.empty()) {
        const std::string_view item = xl::next_item(spec);
        if (item.empty()) continue;
        const auto equals = item.find('=');
        if (equals == std::string_view::npos) return wrong(value, "'" + std::string(item) + "' is not KEY=VALUE");
        const std::string_view key = xl::trim(item.substr(0, equals)), text = xl::trim(item.substr(equals + 1));
        if (!take(key, text)) return wrong(value, "'" + std::string(item) + "' is not understood here");
    }
    return {};
}
template <typename T> bool set_number(std::string_view text, T& out) {
    const auto number = xl::to_number<typename BareNumber<T>::type>(text);
    if (number) out = *number;
    return number.has_value();
}
inline bool set_flag(std::string_view text, xl::DefBool& out) {
    if (text != "0" && text != "1") return false;
    out = text == "1";
    return true;
}
inline bool set_flag(std::string_view text, bool& out) {
    if (text != "0" && text != "1") return false;
    out = text == "1";
    return true;
}
template <typename E> bool set_choice(std::string_view text, E& out) {
    const auto parsed = xl::from_string<E>(text);
    if (parsed) out = *parsed;
    return parsed.has_value();
}
/// For each_pair: a table of keys whose values are plain text.
struct TextKey {
    std::string_view key;
    std::string* target;
};
inline bool set_text(std::initializer_list<TextKey> keys, std::string_view key, std::string_view text) {
    for (const TextKey& known : keys)
        if (known.key == key) {
            *known.target = text;
            return true;
        }
    return false;
}

} // namespace hospes::cfg
