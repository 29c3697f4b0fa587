// SPDX-License-Identifier: MIT
// SYSCALL by a PV guest's kernel: number in RAX, arguments in RDI RSI RDX R10 R8 R9, result in RAX.
#include "abi/xen.hpp"
#include "core/deferred/softirq.hpp"
#include "core/hypercall/dispatch.hpp"
#include "cpu/cpu_info.hpp"

namespace hv {

extern "C" void hypercall_entry(UserRegs& regs) {
    const u64 number = regs.rax;
    HypercallArgs args{{regs.rdi, regs.rsi, regs.rdx, regs.r10, regs.r8, regs.r9}};
    const Result<s64> result = hypercall_call(number, args);
    if (result.ok()) [[likely]] {
        regs.rax = static_cast<u64>(result.value());
        return;
    }
    if (result.error() != Errno::restart) {
        regs.rax = static_cast<u64>(-static_cast<s64>(result.error()));
        return;
    }
    // Re-issue the two-byte SYSCALL with what is left to do; RAX still holds the number.
    u64* const registers[] = {&regs.rdi, &regs.rsi, &regs.rdx, &regs.r10, &regs.r8, &regs.r9};
    for (unsigned i = 0; i < hypercall_arg_count(number); ++i)
        *registers[i] = args.a[i];
    regs.rip -= 2;
}

extern "C" void softirq_process_entry() { softirq_process(); }

} // namespace hv
