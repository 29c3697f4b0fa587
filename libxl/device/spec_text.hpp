// SPDX-License-Identifier: MIT
// Text helpers that the specification parsers share.
#pragma once

#include <charconv>
#include <cstdint>
#include <optional>
#include <string_view>

namespace hospes::xl {

inline std::string_view trim(std::string_view text) {
    const auto first = text.find_first_not_of(" \t");
    if (first == std::string_view::npos) return {};
    return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

/// Removes and returns the text before the next comma.
inline std::string_view next_item(std::string_view& rest) {
    const auto comma = rest.find(',');
    const std::string_view item = rest.substr(0, comma);
    rest = comma == std::string_view::npos ? std::string_view{} : rest.substr(comma + 1);
    return trim(item);
}

template <typename T> std::optional<T> to_number(std::string_view text) {
    T value{};
    int base = 10;
    if (text.starts_with("0x") || text.starts_with("0X")) {
        base = 16;
        text.remove_prefix(2);
    }
    const auto [end, status] = std::from_chars(text.data(), text.data() + text.size(), value, base);
    if (text.empty() || status != std::errc() || end != text.data() + text.size()) return std::nullopt;
    return value;
}

} // namespace hospes::xl
