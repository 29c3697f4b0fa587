// SPDX-License-Identifier: MIT
#include "xl/output/sched_table.hpp"

#include "xl/output/text.hpp"

namespace hospes::output {
namespace {

template <typename T> void optional_field(Json& json, const char* name, const std::optional<T>& value) {
    if (value) json.field(name, *value);
}

} // namespace

std::string sched_heading(xl::Scheduler scheduler) {
    std::string out;
    if (scheduler == xl::Scheduler::rtds)
        append(out, "%-33s %4s %9s %9s %10s\n", "Name", "ID", "Period", "Budget", "Extratime");
    else
        append(out, "%-33s %4s %6s %4s\n", "Name", "ID", "Weight", "Cap");
    return out;
}

std::string sched_row(const DomainSched& d) {
    std::string out;
    if (d.params.scheduler == xl::Scheduler::rtds)
        append(out, "%-33s %4d %9u %9u %10s\n", d.name.c_str(), d.id, d.params.period_us.value_or(0),
               d.params.budget_us.value_or(0), d.params.extra_time.value_or(false) ? "yes" : "no");
    else
        append(out, "%-33s %4d %6u %4u\n", d.name.c_str(), d.id, d.params.weight.value_or(0), d.params.cap.value_or(0));
    return out;
}

std::string sched_vcpu_heading() {
    std::string out;
    append(out, "%-33s %4s %4s %9s %9s %10s\n", "Name", "ID", "VCPU", "Period", "Budget", "Extratime");
    return out;
}

std::string sched_vcpu_row(const VcpuSched& v) {
    std::string out;
    append(out, "%-33s %4d %4u %9u %9u %10s\n", v.name.c_str(), v.id, v.params.vcpu, v.params.period_us,
           v.params.budget_us, v.params.extra_time ? "yes" : "no");
    return out;
}

std::string sched_pool(const std::string& name, xl::Scheduler scheduler,
                       const std::optional<xl::PoolScheduling>& params) {
    std::string out = "Cpupool " + name + ": ";
    if (scheduler == xl::Scheduler::rtds)
        out += "sched=RTDS";
    else if (!params)
        out += "[sched params unavailable]";
    else if (scheduler == xl::Scheduler::credit)
        append(out, "tslice=%ums ratelimit=%uus migration-delay=%uus", params->timeslice_ms.value_or(0),
               params->ratelimit_us.value_or(0), params->migration_delay_us.value_or(0));
    else
        append(out, "ratelimit=%uus", params->ratelimit_us.value_or(0));
    return out + "\n";
}

void sched_json(Json& json, const DomainSched& d) {
    json.open_map();
    json.field("name", d.name);
    json.field("domid", d.id);
    json.field("scheduler", to_string(d.params.scheduler));
    optional_field(json, "weight", d.params.weight);
    optional_field(json, "cap", d.params.cap);
    optional_field(json, "period_us", d.params.period_us);
    optional_field(json, "budget_us", d.params.budget_us);
    optional_field(json, "extratime", d.params.extra_time);
    json.close_map();
}

void sched_json(Json& json, const VcpuSched& v) {
    json.open_map();
    json.field("name", v.name);
    json.field("domid", v.id);
    json.field("vcpu", v.params.vcpu);
    json.field("period_us", v.params.period_us);
    json.field("budget_us", v.params.budget_us);
    json.field("extratime", v.params.extra_time);
    json.close_map();
}

void sched_json(Json& json, const std::string& pool, xl::Scheduler scheduler, const xl::PoolScheduling& params) {
    json.open_map();
    json.field("cpupool", pool);
    json.field("scheduler", to_string(scheduler));
    optional_field(json, "tslice_ms", params.timeslice_ms);
    optional_field(json, "ratelimit_us", params.ratelimit_us);
    optional_field(json, "migration_delay_us", params.migration_delay_us);
    json.close_map();
}

} // namespace hospes::output
