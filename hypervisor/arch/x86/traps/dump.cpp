// SPDX-License-Identifier: MIT
#include "traps/dump.hpp"

#include "core/debug/printk.hpp"
#include "core/debug/symbols.hpp"
#include "core/domain/domain.hpp"
#include "cpu/cr.hpp"
#include "cpu/msr.hpp"

namespace hv {

static void describe_context(const UserRegs& regs) {
    const Vcpu* vcpu = cpu_info().current;
    if (vcpu)
        log_error("----[ Hospes {}  x86_64 ]---- CPU {}, {} d{}v{}", HOSPES_VERSION_STRING, cpu_id(),
                  from_guest(regs) ? "guest" : "hypervisor under", vcpu->domain->id, vcpu->id);
    else
        log_error("----[ Hospes {}  x86_64 ]---- CPU {}, hypervisor (boot)", HOSPES_VERSION_STRING, cpu_id());
}

static void print_general(const UserRegs& regs) {
    const Symbol s = from_guest(regs) ? Symbol{} : symbol_lookup(regs.rip);
    log_error("RIP: {:04x}:[<{:016x}>] {}", regs.cs, regs.rip, s.name ? s.name : "");
    log_error("RFLAGS: {:016x}   vector {} error {:04x}", regs.rflags, regs.entry_vector, regs.error_code);
    log_error("rax: {:016x}   rbx: {:016x}   rcx: {:016x}", regs.rax, regs.rbx, regs.rcx);
    log_error("rdx: {:016x}   rsi: {:016x}   rdi: {:016x}", regs.rdx, regs.rsi, regs.rdi);
    log_error("rbp: {:016x}   rsp: {:016x}   r8:  {:016x}", regs.rbp, regs.rsp, regs.r8);
    log_error("r9:  {:016x}   r10: {:016x}   r11: {:016x}", regs.r9, regs.r10, regs.r11);
    log_error("r12: {:016x}   r13: {:016x}   r14: {:016x}", regs.r12, regs.r13, regs.r14);
    log_error("r15: {:016x}   cs: {:04x}   ss: {:04x}", regs.r15, regs.cs, regs.ss);
}

void dump_registers(const UserRegs& regs) {
    describe_context(regs);
    print_general(regs);
    log_error("cr0: {:016x}   cr4: {:016x}", read_cr0(), read_cr4());
    log_error("cr3: {:016x}   cr2: {:016x}", read_cr3(), read_cr2());
    log_error("fsb: {:016x}   gsb: {:016x}   gss: {:016x}", rdmsr(Msr::fs_base), rdmsr(Msr::gs_base),
              rdmsr(Msr::kernel_gs_base));
}

void dump_vcpu(const Vcpu& vcpu) {
    log_error("----[ d{}v{}, last on CPU {} ]----", vcpu.domain->id, vcpu.id, vcpu.processor);
    print_general(vcpu.arch.regs);
    log_error("cr3: {:016x}   kernel mode: {}", vcpu.arch.cr3, vcpu.arch.pv.kernel_mode);
}

void dump_hypervisor_state(const UserRegs& regs) {
    dump_registers(regs);
    const u64 stack_end = (regs.rsp | (stack_size - 1)) + 1;
    const u64* word = reinterpret_cast<const u64*>(regs.rsp & ~u64{7});
    // Only a stack that surely is one is read: the dump must not fault itself.
    const u64 here = reinterpret_cast<u64>(__builtin_frame_address(0));
    if (((regs.rsp ^ here) & ~(stack_size - 1)) == 0) {
        log_error("Stack from rsp={:016x}:", regs.rsp);
        for (unsigned line = 0; line < 6 && reinterpret_cast<u64>(word + 4) <= stack_end; ++line, word += 4)
            log_error("   {:016x} {:016x} {:016x} {:016x}", word[0], word[1], word[2], word[3]);
        print_backtrace(regs.rip, regs.rbp, regs.rsp);
    } else {
        print_backtrace(regs.rip, 0, regs.rsp);
    }
}

[[gnu::noinline]] void dump_here() {
    u64 rsp;
    asm("movq %%rsp, %0" : "=r"(rsp));
    const u64* frame = static_cast<const u64*>(__builtin_frame_address(0));
    print_backtrace(frame[1], frame[0], rsp);
}

} // namespace hv
