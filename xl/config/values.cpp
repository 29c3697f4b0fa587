// SPDX-License-Identifier: MIT
#include <charconv>

#include "libxl/device/spec_text.hpp"
#include "xl/config/keys.hpp"

namespace hospes::cfg {

Outcome wrong(const Value& value, std::string message, std::string hint) {
    return Problem{std::move(message), std::move(hint), value.place};
}
Outcome wrong(const Value& value, const Error& error) { return wrong(value, error.text(), error.hint); }

Outcome read_text(const Value& value, std::string& out) {
    if (value.is_list()) return wrong(value, "a string is wanted here, not a list");
    out = value.text();
    return {};
}

Outcome read_bool(const Value& value, bool& out) {
    if (value.is_list()) return wrong(value, "a number is wanted here, not a list");
    const std::string& text = value.text();
    if (text == "true" || text == "false") {
        out = text == "true";
        return {};
    }
    const auto number = cfg_number<std::uint64_t>(text);
    if (!number) return wrong(value, "'" + text + "' is neither 0 nor 1");
    out = *number != 0;
    return {};
}

Outcome read_bool(const Value& value, xl::DefBool& out) {
    bool flag = false;
    if (Outcome bad = read_bool(value, flag)) return bad;
    out = flag;
    return {};
}

Outcome read_strings(const Value& value, xl::StringList& out) {
    if (!value.is_list()) {
        out.push_back(value.text());
        return {};
    }
    for (const Value& item : value.list())
        if (Outcome bad = read_text(item, out.emplace_back())) return bad;
    return {};
}

template <typename T> std::optional<T> cfg_number(std::string_view text) {
    const bool octal = text.size() > 1 && text[0] == '0' && text[1] != 'x' && text[1] != 'X';
    if (!octal) return xl::to_number<T>(text);
    T value{};
    const auto [end, status] = std::from_chars(text.data(), text.data() + text.size(), value, 8);
    if (status != std::errc() || end != text.data() + text.size()) return std::nullopt;
    return value;
}
template std::optional<int> cfg_number(std::string_view);
template std::optional<unsigned> cfg_number(std::string_view);
template std::optional<std::uint8_t> cfg_number(std::string_view);
template std::optional<std::uint64_t> cfg_number(std::string_view);

template <typename T> Outcome read_number(const Value& value, T& out) {
    if (value.is_list()) return wrong(value, "a number is wanted here, not a list");
    const auto number = cfg_number<T>(value.text());
    if (!number)
        return wrong(value, "'" + value.text() + "' is not a number in range",
                     "decimal, 0x for hexadecimal, 0 for octal; no unit");
    out = *number;
    return {};
}
template Outcome read_number(const Value&, int&);
template Outcome read_number(const Value&, unsigned&);
template Outcome read_number(const Value&, std::uint64_t&);

} // namespace hospes::cfg
