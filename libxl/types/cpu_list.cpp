// SPDX-License-Identifier: MIT
#include "libxl/types/cpu_list.hpp"

#include <charconv>
#include <optional>

#include "libxl/device/spec_text.hpp"

namespace hospes::xl {
namespace {

std::optional<unsigned> decimal(std::string_view text) {
    unsigned value = 0;
    const auto [end, status] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (status != std::errc() || end != text.data() + text.size() || value >= cpu_limit) return std::nullopt;
    return value;
}

struct Range {
    unsigned first = 0, last = 0;
};
std::optional<Range> range(std::string_view text) {
    const auto dash = text.find('-');
    const auto first = decimal(trim(text.substr(0, dash)));
    const auto last = dash == std::string_view::npos ? first : decimal(trim(text.substr(dash + 1)));
    if (!first || !last || *first > *last) return std::nullopt;
    return Range{*first, *last};
}

Error bad_range(std::string_view item) {
    return error("", 0, "'" + std::string(item) + "' is not a CPU range", "for example \"0-3,^1\"");
}

/// The CPUs that one item (without its ^) names.
Result<Bitmap> item_cpus(std::string_view item, const CpuTopology& topology) {
    Bitmap cpus;
    if (item == "all") {
        const unsigned count = topology.empty() ? cpu_limit : static_cast<unsigned>(topology.size());
        for (unsigned cpu = 0; cpu < count; ++cpu)
            cpus.set(cpu);
        return cpus;
    }
    const bool nodes = item.starts_with("node:") || item.starts_with("nodes:");
    if (!nodes) {
        const auto wanted = range(item);
        if (!wanted) return bad_range(item);
        for (unsigned cpu = wanted->first; cpu <= wanted->last; ++cpu)
            cpus.set(cpu);
        return cpus;
    }
    const auto wanted = range(item.substr(item.find(':') + 1));
    if (!wanted) return bad_range(item);
    if (topology.empty())
        return error("", 0, "'" + std::string(item) + "' needs the host's layout, which is not known here",
                     "name the CPUs instead");
    for (unsigned cpu = 0; cpu < topology.size(); ++cpu)
        if (topology[cpu] >= wanted->first && topology[cpu] <= wanted->last) cpus.set(cpu);
    if (cpus.empty())
        return error("", 0, "the host has no CPU in '" + std::string(item) + "'", "`xl info -n` lists them");
    return cpus;
}

} // namespace

Result<Bitmap> parse_cpu_list(std::string_view text, const CpuTopology& topology) {
    Bitmap out;
    for (std::string_view rest = text; !rest.empty();) {
        std::string_view item = next_item(rest);
        if (item.empty()) continue;
        const bool exclude = item.starts_with("^");
        if (exclude) item = trim(item.substr(1));
        if (exclude && item == "all") return error("", 0, "^ and all do not go together");
        const Bitmap named = HOSPES_TRY(item_cpus(item, topology));
        for (const unsigned cpu : named.members())
            exclude ? out.clear(cpu) : out.set(cpu);
    }
    if (out.empty())
        return error("", 0, "'" + std::string(text) + "' names no CPU", "for example \"0-3,^1\" or \"all\"");
    return out;
}

Result<Bitmap> parse_ranges(std::string_view text) {
    Bitmap out;
    for (std::string_view rest = text; !rest.empty();) {
        const std::string_view item = next_item(rest);
        if (item.empty()) continue;
        const auto wanted = range(item);
        if (!wanted) return error("", 0, "'" + std::string(item) + "' is not a number or a range");
        for (unsigned n = wanted->first; n <= wanted->last; ++n)
            out.set(n);
    }
    return out;
}

} // namespace hospes::xl
