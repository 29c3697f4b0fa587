// SPDX-License-Identifier: MIT
#include "libxl/device/spec_text.hpp"
#include "xl/config/keys.hpp"

namespace hospes::cfg {
namespace {

/// One element of a CPU list. `all` means every CPU: kept as an empty affinity, which is no
/// restriction.
Outcome read_cpu_item(const Value& value, std::string_view item, xl::Bitmap& out) {
    const bool exclude = item.starts_with("^");
    if (exclude) item.remove_prefix(1);
    if (item == "all") {
        for (unsigned cpu = 0; cpu < 4096; ++cpu)
            out.set(cpu);
        return {};
    }
    if (item.starts_with("node"))
        return wrong(value, "CPU lists by node need the host's layout", "name the CPUs: `xl info -n` lists them");
    const auto dash = item.find('-');
    const auto first = xl::to_number<unsigned>(item.substr(0, dash));
    const auto last = dash == std::string_view::npos ? first : xl::to_number<unsigned>(item.substr(dash + 1));
    if (!first || !last || *first > *last || *last >= 4096)
        return wrong(value, "'" + std::string(item) + "' is not a CPU range", "for example \"0-3,^1\"");
    for (unsigned cpu = *first; cpu <= *last; ++cpu)
        exclude ? out.clear(cpu) : out.set(cpu);
    return {};
}

} // namespace

Outcome wrong(const Value& value, std::string message, std::string hint) {
    return Problem{std::move(message), std::move(hint), value.place};
}

Outcome read_text(const Value& value, std::string& out) {
    if (value.is_list()) return wrong(value, "a string is wanted here, not a list");
    out = value.text();
    return {};
}

Outcome read_bool(const Value& value, bool& out) {
    if (value.is_list()) return wrong(value, "a number is wanted here, not a list");
    const std::string& text = value.text();
    if (text == "0" || text == "1" || text == "true" || text == "false") {
        out = text == "1" || text == "true";
        return {};
    }
    const auto number = xl::to_number<long>(text);
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

template <typename T> Outcome read_number(const Value& value, T& out) {
    if (value.is_list()) return wrong(value, "a number is wanted here, not a list");
    const auto number = xl::to_number<T>(value.text());
    if (!number) return wrong(value, "'" + value.text() + "' is not a number in range");
    out = *number;
    return {};
}
template Outcome read_number(const Value&, int&);
template Outcome read_number(const Value&, unsigned&);
template Outcome read_number(const Value&, std::uint64_t&);

Outcome read_cpus(const Value& value, xl::Bitmap& out) {
    if (value.is_list()) {
        for (const Value& item : value.list())
            if (Outcome bad = read_cpus(item, out)) return bad;
        return {};
    }
    for (std::string_view rest = value.text(); !rest.empty();)
        if (Outcome bad = read_cpu_item(value, xl::next_item(rest), out)) return bad;
    return {};
}

} // namespace hospes::cfg
