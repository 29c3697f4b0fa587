// SPDX-License-Identifier: MIT
// Keys that every type of guest has: identity, resources, boot, events, scheduling.
#include <algorithm>

#include "libxl/device/spec_text.hpp"
#include "xl/config/key_makers.hpp"

namespace hospes::cfg {
namespace {

Outcome read_type(Draft& d, const Value& value) {
    std::string text;
    if (Outcome bad = read_text(value, text)) return bad;
    const auto type = xl::from_string<xl::DomainType>(text == "generic" ? "pv" : text);
    if (!type || *type == xl::DomainType::invalid)
        return wrong(value, "unknown type '" + text + "'", "one of pv, pvh, hvm; leave it out to have it chosen");
    d.config.c_info.type = d.config.b_info.type = *type;
    return {};
}

/// xl.cfg spells the combined actions with the words the other way round than libxl.
template <typename Field> auto action(Field field) {
    return [field](Draft& d, const Value& value) -> Outcome {
        std::string text;
        if (Outcome bad = read_text(value, text)) return bad;
        if (text == "rename-restart") text = "restart_rename";
        std::replace(text.begin(), text.end(), '-', '_');
        const auto parsed = xl::from_string<xl::ActionOnShutdown>(text);
        if (!parsed)
            return wrong(value, "unknown action '" + value.text() + "'",
                         "one of destroy, restart, rename-restart, preserve, coredump-destroy, "
                         "coredump-restart, "
                         "soft-reset");
        d.config.*field = *parsed;
        return {};
    };
}

Outcome read_uuid(Draft& d, const Value& value) {
    if (value.is_list() || !parse(value.text(), d.config.c_info.uuid))
        return wrong(value, "not a UUID", "for example 12345678-9abc-def0-1234-56789abcdef0");
    return {};
}

Outcome read_vcpu_count(std::optional<int>& out, const Value& value) {
    int count = 0;
    if (Outcome bad = read_number(value, count)) return bad;
    if (count < 1 || count > 512) return wrong(value, "a guest has 1 to 512 vCPUs");
    out = count;
    return {};
}

Outcome read_mib(std::optional<std::uint64_t>& out, const Value& value) {
    std::uint64_t mib = 0;
    if (Outcome bad = read_number(value, mib)) return bad;
    if (mib == 0 || mib > (1ULL << 34)) return wrong(value, "memory is given in MiB and cannot be " + value.text());
    out = mib;
    return {};
}

template <typename List> auto affinity(List list) {
    return [list](Draft& d, const Value& value) -> Outcome {
        auto& out = d.config.b_info.*list;
        if (!value.is_list()) return read_cpus(value, out.emplace_back());
        for (const Value& item : value.list()) // one element per vCPU
            if (Outcome bad = read_cpus(item, out.emplace_back())) return bad;
        return {};
    };
}

Outcome read_tsc_mode(Draft& d, const Value& value) {
    std::string text;
    if (Outcome bad = read_text(value, text)) return bad;
    const auto named = xl::from_string<xl::TscMode>(text);
    const auto number = xl::to_number<int>(text);
    if (named)
        d.config.b_info.tsc_mode = *named;
    else if (number && *number >= 0 && *number <= 3)
        d.config.b_info.tsc_mode = static_cast<xl::TscMode>(*number);
    else
        return wrong(value, "unknown tsc_mode '" + text + "'", "one of default, always_emulate, native");
    return {};
}

Outcome read_iomem(Draft& d, const Value& value) {
    xl::StringList items;
    if (Outcome bad = read_strings(value, items)) return bad;
    for (const std::string& item : items) { // START,COUNT[@GFN], hexadecimal
        xl::IomemRange range;
        const auto comma = item.find(','), at = item.find('@');
        const auto hex = [](const std::string& t) { return xl::to_number<std::uint64_t>("0x" + t); };
        const auto start = comma == std::string::npos ? std::nullopt : hex(item.substr(0, comma));
        const auto number = comma == std::string::npos ? std::nullopt : hex(item.substr(comma + 1, at - comma - 1));
        const auto gfn = at == std::string::npos ? start : hex(item.substr(at + 1));
        if (!start || !number || !gfn)
            return wrong(value, "'" + item + "' is not START,COUNT[@GFN] in hexadecimal frames");
        range.start = *start;
        range.number = *number;
        range.gfn = *gfn;
        d.config.b_info.iomem.push_back(range);
    }
    return {};
}

Outcome read_ioports(Draft& d, const Value& value) {
    xl::StringList items;
    if (Outcome bad = read_strings(value, items)) return bad;
    for (const std::string& item : items) { // "2f8-2ff" or "3f8", hexadecimal
        const auto dash = item.find('-');
        const auto first = xl::to_number<std::uint32_t>("0x" + item.substr(0, dash));
        const auto last =
            dash == std::string::npos ? first : xl::to_number<std::uint32_t>("0x" + item.substr(dash + 1));
        if (!first || !last || *first > *last || *last > 0xffff)
            return wrong(value, "'" + item + "' is not a hexadecimal port range");
        d.config.b_info.ioports.push_back({*first, *last - *first + 1});
    }
    return {};
}

Outcome read_irqs(Draft& d, const Value& value) {
    if (!value.is_list()) return wrong(value, "a list of interrupt numbers is wanted");
    for (const Value& item : value.list())
        if (Outcome bad = read_number(item, d.config.b_info.irqs.emplace_back())) return bad;
    return {};
}

constexpr auto b = &xl::DomainConfig::b_info;
constexpr auto c = &xl::DomainConfig::c_info;
using B = xl::BuildInfo;
using C = xl::CreateInfo;
using D = xl::DomainConfig;
const Key general_keys[] = {
    {"name", text(c, &C::name)},
    {"uuid", read_uuid},
    {"type", read_type},
    {"builder", read_type},
    {"pool", text(c, &C::pool_name)},
    {"seclabel", text(c, &C::ssid_label)},
    {"init_seclabel", text(b, &B::exec_ssid_label)},
    {"oos", flag(c, &C::oos)},
    {"hap", flag(c, &C::hap)},
    {"driver_domain", flag(c, &C::driver_domain)},
    {"run_hotplug_scripts", flag(c, &C::run_hotplug_scripts)},
    {"xend_suspend_evtchn_compat", flag(c, &C::xend_suspend_evtchn_compat)},
    {"passthrough", choice<xl::Passthrough>(c, &C::passthrough)},
    {"memory", [](Draft& d, const Value& v) { return read_mib(d.memory_mib, v); }},
    {"maxmem", [](Draft& d, const Value& v) { return read_mib(d.maxmem_mib, v); }},
    {"vcpus", [](Draft& d, const Value& v) { return read_vcpu_count(d.vcpus, v); }},
    {"maxvcpus", [](Draft& d, const Value& v) { return read_vcpu_count(d.maxvcpus, v); }},
    {"cpus", affinity(&B::vcpu_hard_affinity)},
    {"cpus_soft", affinity(&B::vcpu_soft_affinity)},
    {"cpu_weight", sched(&xl::SchedParams::weight)},
    {"cap", sched(&xl::SchedParams::cap)},
    {"period", sched(&xl::SchedParams::period)},
    {"budget", sched(&xl::SchedParams::budget)},
    {"extratime", sched(&xl::SchedParams::extratime)},
    {"kernel", text(b, &B::kernel)},
    {"ramdisk", text(b, &B::ramdisk)},
    {"device_tree", text(b, &B::device_tree)},
    {"cmdline",
     [](Draft& d, const Value& v) {
         d.have_cmdline = true;
         return read_text(v, d.config.b_info.cmdline);
     }},
    {"root", [](Draft& d, const Value& v) { return read_text(v, d.root); }},
    {"extra", [](Draft& d, const Value& v) { return read_text(v, d.extra); }},
    {"bootloader", text(b, &B::bootloader)},
    {"bootloader_args", strings(b, &B::bootloader_args)},
    {"on_poweroff", action(&D::on_poweroff)},
    {"on_reboot", action(&D::on_reboot)},
    {"on_watchdog", action(&D::on_watchdog)},
    {"on_crash", action(&D::on_crash)},
    {"on_soft_reset", action(&D::on_soft_reset)},
    {"tsc_mode", read_tsc_mode},
    {"localtime", flag(b, &B::localtime)},
    {"rtc_timeoffset", number(b, &B::rtc_timeoffset)},
    {"nomigrate", flag(b, &B::disable_migrate)},
    {"blkdev_start", text(b, &B::blkdev_start)},
    {"max_grant_frames", number(b, &B::max_grant_frames)},
    {"max_maptrack_frames", number(b, &B::max_maptrack_frames)},
    {"max_grant_version", number(b, &B::max_grant_version)},
    {"max_event_channels", number(b, &B::event_channels)},
    {"claim_mode", flag(b, &B::claim_mode)},
    {"shadow_memory", mib(b, &B::shadow_memkb)},
    {"acpi", flag(b, &B::acpi)},
    {"apic", flag(b, &B::apic)},
    {"nestedhvm", flag(b, &B::nested_hvm)},
    {"vpmu", flag(b, &B::vpmu)},
    {"vmtrace_buf_kb", number(b, &B::vmtrace_buf_kb)},
    {"altp2m", choice<xl::Altp2mMode>(b, &B::altp2m)},
    {"timer_mode", choice<xl::TimerMode>(b, &B::timer_mode)},
    {"ioports", read_ioports},
    {"irqs", read_irqs},
    {"iomem", read_iomem},
    {"e820_host", [](Draft& d, const Value& v) { return read_bool(v, d.config.b_info.pv.e820_host); }},
    {"pvshim", [](Draft& d, const Value& v) { return read_bool(v, d.config.b_info.pvh.pvshim); }},
    {"pvshim_path", [](Draft& d, const Value& v) { return read_text(v, d.config.b_info.pvh.pvshim_path); }},
    {"pvshim_cmdline", [](Draft& d, const Value& v) { return read_text(v, d.config.b_info.pvh.pvshim_cmdline); }},
    {"pvshim_extra", [](Draft& d, const Value& v) { return read_text(v, d.config.b_info.pvh.pvshim_extra); }},
    {"msr_relaxed", [](Draft& d, const Value& v) { return read_bool(v, d.config.b_info.arch_x86.msr_relaxed); }},
    // Known, and of no effect so far or on this architecture.
    {"vnuma", {}},
    {"cpuid", {}},
    {"features", {}},
    {"pvh", {}},
    {"iommu_memory", {}},
    {"gic_version", {}},
    {"tee", {}},
    {"vuart", {}},
    {"dtdev", {}},
    {"cpu_time_slice", {}},
    {"latency", {}},
    {"slice", {}}};

} // namespace

void add_general_keys(std::vector<Key>& keys) {
    keys.insert(keys.end(), std::begin(general_keys), std::end(general_keys));
}

} // namespace hospes::cfg
