// SPDX-License-Identifier: MIT
// Keys that every type of guest has: identity, resources, boot, events, scheduling.
#include <algorithm>
#include <utility>

#include "libxl/types/cpuid_policy.hpp"
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

/// xl.cfg writes the combined actions with dashes, and one with the words the other way round than libxl.
template <auto Field> Outcome action(Draft& d, const Value& value) {
    std::string text;
    if (Outcome bad = read_text(value, text)) return bad;
    if (text == "rename-restart") text = "restart-rename";
    std::replace(text.begin(), text.end(), '-', '_');
    const auto parsed = xl::from_string<xl::ActionOnShutdown>(text);
    if (!parsed)
        return wrong(value, "unknown action '" + value.text() + "'",
                     "one of destroy, restart, rename-restart, preserve, coredump-destroy, "
                     "coredump-restart, soft-reset");
    d.config.*Field = *parsed;
    return {};
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

/// An enumeration whose numbers were used before it had names.
template <auto Field> Outcome numbered_choice(Draft& d, const Value& value) {
    auto& out = d.config.b_info.*Field;
    std::string text;
    if (Outcome bad = read_text(value, text)) return bad;
    if (const auto number = cfg_number<int>(text))
        for (const auto& entry : xl::EnumTable<std::remove_reference_t<decltype(out)>>::entries)
            if (static_cast<int>(entry.value) == *number && *number >= 0) {
                d.warn(value, "a number is the older form", "write \"" + std::string(entry.name) + "\"");
                out = entry.value;
                return {};
            }
    return read_choice(value, out);
}

Outcome read_name(Draft& d, const Value& value) {
    if (Outcome bad = read_text(value, d.config.c_info.name)) return bad;
    const std::string& name = d.config.c_info.name;
    if (name.find('/') != std::string::npos || name.size() > 255)
        return wrong(value, "a name has at most 255 characters and no '/'");
    if (name.find('\0') != std::string::npos) return wrong(value, "a name has no zero byte");
    return {};
}

Outcome read_bootloader_args(Draft& d, const Value& value) {
    xl::StringList& out = d.config.b_info.bootloader_args;
    if (value.is_list()) return read_strings(value, out);
    d.warn(value, "a string is the older form", "write a list of arguments");
    std::string word;
    for (const char c : value.text() + " ") {
        if (c != ' ' && c != '\t' && c != '\n')
            word += c;
        else if (!word.empty())
            out.push_back(std::exchange(word, {}));
    }
    return {};
}

Outcome read_cpuid(Draft& d, const Value& value) {
    xl::CpuPolicy& policy = d.config.b_info.cpuid;
    if (!value.is_list()) {
        const Status done = xl::parse_cpuid_flags(value.text(), policy);
        return done ? Outcome() : wrong(value, done.problem());
    }
    for (const Value& item : value.list()) {
        std::string text;
        if (Outcome bad = read_text(item, text)) return bad;
        if (const Status done = xl::parse_cpuid_leaf(text, policy); !done) return wrong(item, done.problem());
    }
    return {};
}

/// Kept until all keys are known: what they mean depends on others.
template <auto Field> Outcome later(Draft& d, const Value& v) {
    d.*Field = &v;
    return {};
}

constexpr auto b = &xl::DomainConfig::b_info;
constexpr auto c = &xl::DomainConfig::c_info;
using B = xl::BuildInfo;
using C = xl::CreateInfo;
using D = xl::DomainConfig;
using P = xl::PvhInfo;
constexpr Key keys[] = {{"name", read_name},
                                {"uuid", read_uuid},
                                {"type", read_type},
                                {"builder", read_type},
                                {"pool", text<c, &C::pool_name>},
                                {"seclabel", text<c, &C::ssid_label>, Effect::none},
                                {"init_seclabel", text<b, &B::exec_ssid_label>, Effect::none},
                                {"oos", flag<c, &C::oos>, Effect::hvm},
                                {"hap", flag<c, &C::hap>},
                                {"driver_domain", flag<c, &C::driver_domain>},
                                {"xend_suspend_evtchn_compat", flag<c, &C::xend_suspend_evtchn_compat>, Effect::none},
                                {"passthrough", choice<c, &C::passthrough>, Effect::none},
                                {"memory", [](Draft& d, const Value& v) { return read_mib(d.memory_mib, v); }},
                                {"maxmem", [](Draft& d, const Value& v) { return read_mib(d.maxmem_mib, v); }},
                                {"vcpus", [](Draft& d, const Value& v) { return read_vcpu_count(d.vcpus, v); }},
                                {"maxvcpus", [](Draft& d, const Value& v) { return read_vcpu_count(d.maxvcpus, v); }},
                                {"cpus", later<&Draft::cpus>},
                                {"cpus_soft", later<&Draft::cpus_soft>},
                                {"vnuma", later<&Draft::vnuma>},
                                {"cpu_weight", number<b, &B::sched_params, &xl::SchedParams::weight>},
                                {"cap", number<b, &B::sched_params, &xl::SchedParams::cap>},
                                {"period", number<b, &B::sched_params, &xl::SchedParams::period>},
                                {"budget", number<b, &B::sched_params, &xl::SchedParams::budget>},
                                {"extratime", number<b, &B::sched_params, &xl::SchedParams::extratime>},
                                {"slice", number<b, &B::sched_params, &xl::SchedParams::slice>, Effect::none},
                                {"latency", number<b, &B::sched_params, &xl::SchedParams::latency>, Effect::none},
                                {"kernel", text<b, &B::kernel>},
                                {"ramdisk", text<b, &B::ramdisk>},
                                {"cmdline",
                                 [](Draft& d, const Value& v) {
                                     d.cmdline = &v;
                                     return read_text(v, d.config.b_info.cmdline);
                                 }},
                                {"root", [](Draft& d, const Value& v) { return read_text(v, d.root); }},
                                {"extra", [](Draft& d, const Value& v) { return read_text(v, d.extra); }},
                                {"bootloader", text<b, &B::bootloader>, Effect::none},
                                {"bootloader_args", read_bootloader_args, Effect::none},
                                {"on_poweroff", action<&D::on_poweroff>},
                                {"on_reboot", action<&D::on_reboot>},
                                {"on_watchdog", action<&D::on_watchdog>},
                                {"on_crash", action<&D::on_crash>},
                                {"on_soft_reset", action<&D::on_soft_reset>},
                                {"tsc_mode", numbered_choice<&B::tsc_mode>},
                                {"localtime", flag<b, &B::localtime>},
                                {"rtc_timeoffset", number<b, &B::rtc_timeoffset>},
                                {"nomigrate", flag<b, &B::disable_migrate>, Effect::none},
                                {"blkdev_start", text<b, &B::blkdev_start>, Effect::none},
                                {"max_grant_frames", number<b, &B::max_grant_frames>},
                                {"max_maptrack_frames", number<b, &B::max_maptrack_frames>},
                                {"max_grant_version", number<b, &B::max_grant_version>},
                                {"max_event_channels", number<b, &B::event_channels>},
                                {"shadow_memory", mib<b, &B::shadow_memkb>},
                                {"acpi", flag<b, &B::acpi>, Effect::none},
                                {"nestedhvm", flag<b, &B::nested_hvm>, Effect::none},
                                {"vmtrace_buf_kb", number<b, &B::vmtrace_buf_kb>, Effect::none},
                                {"altp2m", choice<b, &B::altp2m>, Effect::none},
                                {"timer_mode", numbered_choice<&B::timer_mode>, Effect::none},
                                {"cpuid", read_cpuid},
                                {"e820_host", in<b, &B::pv, &xl::PvInfo::e820_host>, Effect::none},
                                {"pvshim", in<b, &B::pvh, &P::pvshim>, Effect::none},
                                {"pvshim_path", in<b, &B::pvh, &P::pvshim_path>, Effect::none},
                                {"pvshim_cmdline", in<b, &B::pvh, &P::pvshim_cmdline>, Effect::none},
                                {"pvshim_extra", in<b, &B::pvh, &P::pvshim_extra>, Effect::none},
                                {"msr_relaxed", in<b, &B::arch_x86, &xl::ArchX86::msr_relaxed>},
                                // Other architectures.
                                {"device_tree", text<b, &B::device_tree>, Effect::arm},
                                {"vpmu", flag<b, &B::vpmu>, Effect::arm},
                                {"gic_version", choice<b, &B::arch_arm, &xl::ArchArm::gic_version>, Effect::arm},
                                {"vuart", choice<b, &B::arch_arm, &xl::ArchArm::vuart>, Effect::arm},
                                {"tee", choice<b, &B::tee>, Effect::arm},
                                // Of older versions, and of xl.conf: files in the field have them.
                                {"features", {}, Effect::none},
                                {"pvh", {}, Effect::none},
                                {"claim_mode", {}, Effect::none},
                                {"run_hotplug_scripts", {}, Effect::none},
                                {"vcpu_avail", {}, Effect::none},
                                {"on_xend_start", {}, Effect::none},
                                {"on_xend_stop", {}, Effect::none}};

} // namespace

std::span<const Key> general_keys() { return keys; }

} // namespace hospes::cfg
