// SPDX-License-Identifier: MIT
// Field and enumerator lists that a program can walk: JSON, defaults, comparison and the C ABI are
// written once over them.
#pragma once

#include <array>
#include <optional>
#include <string_view>

// X-macro recursion over __VA_ARGS__ (up to 256 items).
#define HOSPES_PARENS ()
#define HOSPES_EXPAND(...) HOSPES_EXPAND4(HOSPES_EXPAND4(HOSPES_EXPAND4(HOSPES_EXPAND4(__VA_ARGS__))))
#define HOSPES_EXPAND4(...) HOSPES_EXPAND3(HOSPES_EXPAND3(HOSPES_EXPAND3(HOSPES_EXPAND3(__VA_ARGS__))))
#define HOSPES_EXPAND3(...) HOSPES_EXPAND2(HOSPES_EXPAND2(HOSPES_EXPAND2(HOSPES_EXPAND2(__VA_ARGS__))))
#define HOSPES_EXPAND2(...) HOSPES_EXPAND1(HOSPES_EXPAND1(HOSPES_EXPAND1(HOSPES_EXPAND1(__VA_ARGS__))))
#define HOSPES_EXPAND1(...) __VA_ARGS__
#define HOSPES_FOR_EACH(macro, ...) __VA_OPT__(HOSPES_EXPAND(HOSPES_FOR_EACH_NEXT(macro, __VA_ARGS__)))
#define HOSPES_FOR_EACH_NEXT(macro, item, ...)                                                                         \
    macro(item) __VA_OPT__(HOSPES_FOR_EACH_AGAIN HOSPES_PARENS(macro, __VA_ARGS__))
#define HOSPES_FOR_EACH_AGAIN() HOSPES_FOR_EACH_NEXT

#define HOSPES_VISIT_FIELD(name) visit(#name, self.name);

/// Inside a struct, after its members: lists them in the order of libxl's IDL, which is the order
/// of its JSON.
#define HOSPES_FIELDS(...)                                                                                             \
    template <typename Self, typename Visit> static void each_field(Self& self, Visit&& visit) {                       \
        HOSPES_FOR_EACH(HOSPES_VISIT_FIELD, __VA_ARGS__)                                                               \
    }

namespace hospes::xl {

template <typename E> struct EnumEntry {
    E value;
    std::string_view name;
};

/// Specialised by HOSPES_ENUM: `entries` lists every enumerator with the name libxl gives it.
template <typename E> struct EnumTable;

template <typename E> constexpr std::string_view to_string(E value) {
    for (const auto& entry : EnumTable<E>::entries)
        if (entry.value == value) return entry.name;
    return "unknown";
}

/// In any case of letters, as libxl compares them ("QCOW2", "SOCKET").
template <typename E> constexpr std::optional<E> from_string(std::string_view name) {
    const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; };
    for (const auto& entry : EnumTable<E>::entries) {
        bool same = entry.name.size() == name.size();
        for (std::size_t i = 0; same && i < name.size(); ++i)
            same = entry.name[i] == lower(name[i]);
        if (same) return entry.value;
    }
    return std::nullopt;
}

template <typename T>
concept Reflected = requires(T& object) {
    T::each_field(object, [](const char*, auto&) {});
};
template <typename T>
concept ReflectedEnum = requires {
    EnumTable<T>::entries;
};

} // namespace hospes::xl

#define HOSPES_ENUM_VALUE(id, number, text) id = number,
#define HOSPES_ENUM_ENTRY(id, number, text) {Self::id, text},
/// Defines `enum class Name` from an X-macro list of (identifier, libxl's number, libxl's string).
#define HOSPES_ENUM(Name, LIST)                                                                                        \
    enum class Name : int { LIST(HOSPES_ENUM_VALUE) };                                                                 \
    template <> struct EnumTable<Name> {                                                                               \
        using Self = Name;                                                                                             \
        static constexpr EnumEntry<Name> entries[] = {LIST(HOSPES_ENUM_ENTRY)};                                        \
    };
