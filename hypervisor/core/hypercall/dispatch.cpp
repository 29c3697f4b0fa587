// SPDX-License-Identifier: MIT
// From a hypercall number to its handler.
#include "core/hypercall/dispatch.hpp"

#include "core/deferred/softirq.hpp"
#include "cpu/cpu_info.hpp"

namespace hv {

namespace {

struct Entry {
    Result<s64> (*handler)(HypercallArgs&) = nullptr;
    u8 args = 0;
};

struct Table {
    Entry entries[hypercall_numbers];
    constexpr Table() {
#define HV_ENTRY(name, number, count) entries[number] = {hypercall::name, count};
        HV_HYPERCALLS(HV_ENTRY)
#undef HV_ENTRY
    }
};
constexpr Table table;

} // namespace

bool hypercall_preempt_check() { return softirq_pending(cpu_id()); }

Result<s64> hypercall_call(u64 number, HypercallArgs& args) {
    if (number >= hypercall_numbers || !table.entries[number].handler) return Errno::nosys;
    return table.entries[number].handler(args);
}

unsigned hypercall_arg_count(u64 number) { return number < hypercall_numbers ? table.entries[number].args : 0; }

} // namespace hv
