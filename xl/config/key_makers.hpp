// SPDX-License-Identifier: MIT
// Makers of the common kinds of key: a member of a part of the configuration, read as text, flag,
// number...
#pragma once

#include "xl/config/keys.hpp"

namespace hospes::cfg {

template <typename Part, typename Field> auto text(Part part, Field field) {
    return [=](Draft& d, const Value& v) { return read_text(v, d.config.*part.*field); };
}
template <typename Part, typename Field> auto flag(Part part, Field field) {
    return [=](Draft& d, const Value& v) { return read_bool(v, d.config.*part.*field); };
}
template <typename Part, typename Field> auto strings(Part part, Field field) {
    return [=](Draft& d, const Value& v) { return read_strings(v, d.config.*part.*field); };
}
template <typename T> struct BareNumber { using type = T; };
template <typename T, T Unset> struct BareNumber<xl::WithDefault<T, Unset>> { using type = T; };
template <typename Target> Outcome read_into(const Value& value, Target& target) {
    typename BareNumber<Target>::type number{};
    if (Outcome bad = read_number(value, number)) return bad;
    target = number;
    return {};
}
template <typename Part, typename Field> auto number(Part part, Field field) {
    return [=](Draft& d, const Value& v) { return read_into(v, d.config.*part.*field); };
}
/// The file says MiB, the configuration KiB.
template <typename Part, typename Field> auto mib(Part part, Field field) {
    return [=](Draft& d, const Value& v) -> Outcome {
        std::uint64_t value = 0;
        if (Outcome bad = read_number(v, value)) return bad;
        if (value > (1ULL << 34)) return wrong(v, "impossibly large");
        d.config.*part.*field = value * 1024;
        return {};
    };
}
template <typename Field> auto sched(Field field) {
    return [=](Draft& d, const Value& v) { return read_into(v, d.config.b_info.sched_params.*field); };
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
template <typename E, typename Part, typename Field> auto choice(Part part, Field field) {
    return [=](Draft& d, const Value& v) { return read_choice<E>(v, d.config.*part.*field); };
}

} // namespace hospes::cfg
