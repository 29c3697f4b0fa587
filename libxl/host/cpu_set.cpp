// SPDX-License-Identifier: MIT
#include "libxl/host/cpu_set.hpp"

#include <cerrno>

#include "libxl/device/spec_text.hpp"

namespace hospes::xl {
namespace {

Error malformed(std::string_view part) {
    return error("parse the CPU list", EINVAL, "'" + std::string(part) + "' is neither a CPU, a range nor a node",
                 "for example 0-3,^1 or node:0 or all");
}

bool take(std::string_view& text, std::string_view prefix) {
    if (!text.starts_with(prefix)) return false;
    text.remove_prefix(prefix.size());
    return true;
}

/// "N" or "N-M" as the closed range it means.
std::optional<std::pair<unsigned, unsigned>> range(std::string_view text) {
    const std::size_t dash = text.find('-');
    const auto first = to_number<unsigned>(text.substr(0, dash));
    const auto last = dash == std::string_view::npos ? first : to_number<unsigned>(text.substr(dash + 1));
    if (!first || !last || *last < *first) return std::nullopt;
    return std::pair{*first, *last};
}

/// The CPUs that one part of the list names, without its "^".
Result<Bitmap> members(std::string_view part, const std::vector<unsigned>& node_of) {
    Bitmap out;
    const auto cpus = static_cast<unsigned>(node_of.size());
    std::string_view rest = part;
    if (rest == "all") {
        for (unsigned cpu = 0; cpu < cpus; ++cpu)
            out.set(cpu);
        return out;
    }
    const bool nodes = take(rest, "nodes:") || take(rest, "node:");
    const auto wanted = range(rest);
    if (!wanted) return malformed(part);
    if (nodes) {
        for (unsigned cpu = 0; cpu < cpus; ++cpu)
            if (node_of[cpu] >= wanted->first && node_of[cpu] <= wanted->second) out.set(cpu);
        return out;
    }
    // CPUs that the machine has not are left out, as the stock tools do; the caller sees an empty set.
    for (unsigned cpu = wanted->first; cpu <= wanted->second && cpu < cpus; ++cpu)
        out.set(cpu);
    return out;
}

} // namespace

std::string set_text(const Bitmap& set, unsigned size) {
    std::string out;
    for (unsigned first = 0; first < size; ++first) {
        if (!set.test(first)) continue;
        unsigned last = first;
        while (last + 1 < size && set.test(last + 1))
            ++last;
        if (first == 0 && last + 1 == size) return "all";
        out += (out.empty() ? "" : ",") + std::to_string(first);
        if (last > first) out += "-" + std::to_string(last);
        first = last;
    }
    return out.empty() ? "none" : out;
}

Result<Bitmap> parse_cpu_list(std::string_view text, const std::vector<unsigned>& node_of) {
    Bitmap out;
    while (true) {
        const std::size_t comma = text.find(',');
        std::string_view name = trim(text.substr(0, comma));
        const bool without = take(name, "^");
        for (const unsigned cpu : HOSPES_TRY(members(name, node_of)).members()) {
            if (without)
                out.clear(cpu);
            else
                out.set(cpu);
        }
        if (comma == std::string_view::npos) return out;
        text.remove_prefix(comma + 1);
    }
}

xc::BitWords to_words(const Bitmap& set, unsigned size) {
    xc::BitWords words((size + 7) / 8);
    for (const unsigned bit : set.members())
        if (bit < size) words[bit / 8] = static_cast<std::uint8_t>(words[bit / 8] | 1U << (bit % 8));
    return words;
}

Bitmap from_words(const xc::BitWords& words, unsigned size) {
    Bitmap out;
    for (unsigned bit = 0; bit < size && bit / 8 < words.size(); ++bit)
        if (words[bit / 8] >> (bit % 8) & 1) out.set(bit);
    return out;
}

} // namespace hospes::xl
