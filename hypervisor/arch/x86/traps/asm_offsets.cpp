// SPDX-License-Identifier: MIT
// Field offsets for entry.S as absolute symbols, so that assembly follows the structures without a generated header.
#include "core/deferred/softirq.hpp"
#include "core/domain/domain.hpp"
#include "mm/layout.hpp"
#include "pv/pv.hpp"
#include "traps/entry_macros.h"
#include "traps/traps.hpp"

namespace hv {

#define HV_OFFSET(symbol, value) asm volatile(".globl " #symbol "\n.set " #symbol ", %c0" ::"i"(value))

namespace {
[[gnu::used, gnu::noinline]] void emit_offsets() {
    HV_OFFSET(CPUINFO_current, offsetof(CpuInfo, current) - offsetof(CpuInfo, regs));
    HV_OFFSET(CPUINFO_cpu, offsetof(CpuInfo, cpu) - offsetof(CpuInfo, regs));
    HV_OFFSET(STACK_frame, sizeof(CpuInfo) - offsetof(CpuInfo, regs) - offsetof(UserRegs, es));
    HV_OFFSET(VCPU_info, offsetof(Vcpu, info));
    HV_OFFSET(VCPU_exit_work, offsetof(Vcpu, arch.exit_work));
    HV_OFFSET(VCPU_guest_table, offsetof(Vcpu, arch.guest_table));
    HV_OFFSET(VCPU_guest_table_user, offsetof(Vcpu, arch.guest_table_user));
    HV_OFFSET(VCPU_cr3, offsetof(Vcpu, arch.cr3));
    HV_OFFSET(VCPU_kernel_mode, offsetof(Vcpu, arch.pv.kernel_mode));
    HV_OFFSET(VCPU_nmi_masked, offsetof(Vcpu, arch.pv.nmi_masked));
    HV_OFFSET(VCPU_kernel_sp, offsetof(Vcpu, arch.pv.kernel_sp));
    HV_OFFSET(VCPU_iopl, offsetof(Vcpu, arch.pv.shown_iopl));
    HV_OFFSET(VCPU_syscall_eip, offsetof(Vcpu, arch.pv.syscall_callback_eip));
    HV_OFFSET(VCPU_syscall_disables_events, offsetof(Vcpu, arch.pv.syscall_disables_events));
}
} // namespace

static_assert(offsetof(UserRegs, error_code) == REGS_error_code &&
              offsetof(UserRegs, entry_vector) == REGS_entry_vector);
static_assert(offsetof(UserRegs, rip) == REGS_rip && offsetof(UserRegs, cs) == REGS_cs);
static_assert(offsetof(UserRegs, rflags) == REGS_flags && offsetof(UserRegs, rsp) == REGS_rsp);
static_assert(offsetof(UserRegs, ss) == REGS_ss && offsetof(UserRegs, r11) == REGS_r11);
static_assert(offsetof(UserRegs, rax) == REGS_rax && offsetof(UserRegs, rcx) == REGS_rcx);
static_assert(__HYPERVISOR_iret == HYPERCALL_iret && VGCF_in_syscall == IRET_IN_SYSCALL && hv_end == HV_END);
static_assert(pv_guest_flags(~u64{0}) == (GUEST_FLAGS | 0x202));
static_assert(sizeof(iret_context) == 72 && offsetof(iret_context, flags) == 24 && offsetof(iret_context, ss) == 64);
static_assert(sizeof(UserRegs) == REGS_size && max_cpus == MAX_CPUS);
static_assert(flat_cs32 == FLAT_CS32 && flat_cs64 == FLAT_CS64 && flat_ss == FLAT_SS);
static_assert(entry_syscall == ENTRY_SYSCALL && Vector::with_error_code == ERROR_CODE_VECTORS);
static_assert(sizeof(SoftirqPending) == 64 && offsetof(SoftirqPending, arch) == 8 && stack_size == STACK_SIZE);
static_assert(offsetof(vcpu_info_t, evtchn_upcall_pending) == 0 && offsetof(vcpu_info_t, evtchn_upcall_mask) == 1);

} // namespace hv
