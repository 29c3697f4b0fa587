// SPDX-License-Identifier: MIT
#include "xl/arguments.hpp"

#include <cerrno>

#include "libxl/device/spec_text.hpp"
#include "libxl/host/domains.hpp"
#include "libxl/types/cpu_list.hpp"

namespace hospes::cli {

std::optional<std::uint64_t> parse_memory_kib(std::string_view text) {
    if (text.empty()) return std::nullopt;
    unsigned shift = 20; // MiB
    const char unit = text.back();
    if (unit < '0' || unit > '9') {
        switch (unit | 0x20) { // either case
        case 'b': shift = 0; break;
        case 'k': shift = 10; break;
        case 'm': shift = 20; break;
        case 'g': shift = 30; break;
        case 't': shift = 40; break;
        default: return std::nullopt;
        }
        text.remove_suffix(1);
    }
    const auto number = xl::to_number<std::uint64_t>(text);
    if (!number || *number > ~std::uint64_t{0} >> shift) return std::nullopt;
    return *number << shift >> 10;
}

std::optional<xl::CpuPool> find_pool(Context& context, const std::string& what) {
    auto pool = xl::find_pool(context.host, what);
    if (pool) return *std::move(pool);
    complain("unknown cpupool '%s'", what.c_str());
    if (pool.problem().code != ENOENT) report(pool.problem()); // not the name is to blame
    return std::nullopt;
}

std::optional<xl::Bitmap> find_cpus(Context& context, const std::string& text) {
    const auto layout = xl::node_of_cpus(context.host);
    if (!layout) {
        report(layout.problem());
        return std::nullopt;
    }
    auto cpus = xl::parse_cpu_list(text, *layout);
    if (cpus) return *std::move(cpus);
    complain("Invalid pcpu range: %s.", text.c_str());
    complain("    hint: %s", cpus.problem().hint.c_str());
    return std::nullopt;
}

Status apply_masks(const Settings& settings, xl::DomainType type, const std::vector<unsigned>& node_of,
                   xl::Bitmap& hard) {
    const std::string& own = type == xl::DomainType::pv ? settings.pv_cpumask : settings.hvm_cpumask;
    const char* const own_key = type == xl::DomainType::pv ? "vm.pv.cpumask" : "vm.hvm.cpumask";
    for (const auto& [key, text] : {std::pair{"vm.cpumask", &settings.cpumask}, {own_key, &own}}) {
        if (text->empty()) continue;
        auto mask = xl::parse_cpu_list(*text, node_of);
        if (!mask) return std::move(mask).problem().within(std::string("apply ") + key + " of xl.conf");
        for (const unsigned cpu : hard.members())
            if (!mask->test(cpu)) hard.clear(cpu);
        if (hard.empty())
            return error(std::string("apply ") + key + " of xl.conf", EINVAL, "it leaves no CPU of the hard affinity",
                         "change the affinity, or use --ignore-global-affinity-masks");
    }
    return {};
}

} // namespace hospes::cli
