// SPDX-License-Identifier: MIT
// Several hypercalls in one entry (xen/xen.h multicall_entry). Preemptible between calls and inside one.
#include "abi/xen.hpp"
#include "core/hypercall/dispatch.hpp"
#include "core/hypercall/guest_ptr.hpp"

namespace hv {

namespace {

/// Runs one entry and stores its result. Errno::restart: the entry in the guest now holds the rest.
Status run_entry(GuestInOut<multicall_entry_t> at) {
    multicall_entry_t call;
    TRY(at.read(call));
    HypercallArgs args;
    for (unsigned i = 0; i < 6; ++i)
        args.a[i] = call.args[i];
    const bool allowed = call.op != __HYPERVISOR_multicall && call.op != __HYPERVISOR_iret;
    const Result<s64> result = allowed ? hypercall_call(call.op, args) : Result<s64>(Errno::inval);
    if (!result.ok() && result.error() == Errno::restart) {
        const unsigned count = hypercall_arg_count(call.op);
        for (unsigned i = 0; i < count; ++i)
            call.args[i] = args.a[i];
        TRY(at.write(call));
        return Errno::restart;
    }
    const xen_ulong_t value =
        static_cast<xen_ulong_t>(result.ok() ? result.value() : -static_cast<s64>(result.error()));
    return at.out().write_field(&multicall_entry_t::result, value);
}

} // namespace

Result<s64> hypercall::multicall(HypercallArgs& args_) {
    u64& list = args_.a[0];
    u64& count = args_.a[1];
    while (static_cast<u32>(count)) {
        if (const Status status = run_entry(GuestInOut<multicall_entry_t>(list)); !status.ok()) return status.error();
        list += sizeof(multicall_entry_t);
        count = static_cast<u32>(count) - 1;
        if (count && hypercall_preempt_check()) return Errno::restart;
    }
    return 0;
}

} // namespace hv
