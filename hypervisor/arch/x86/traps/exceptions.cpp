// SPDX-License-Identifier: MIT
#include "core/debug/panic.hpp"
#include "core/debug/printk.hpp"
#include "core/domain/domain.hpp"
#include "cpu/cr.hpp"
#include "traps/dump.hpp"
#include "traps/traps.hpp"

namespace hv {

extern "C" const ExtableEntry ex_table_start[], ex_table_end[];

bool extable_fixup(UserRegs& regs) {
    for (const ExtableEntry* e = ex_table_start; e != ex_table_end; ++e)
        if (e->fault == regs.rip) {
            regs.rip = e->fixup;
            return true;
        }
    return false;
}

static u64 read_dr6() {
    u64 value;
    asm volatile("movq %%dr6, %0" : "=r"(value));
    return value;
}

static const char* name_of(u32 vector) {
    static constexpr const char* names[] = {"divide error",
                                            "debug",
                                            "NMI",
                                            "int3",
                                            "overflow",
                                            "bounds",
                                            "invalid opcode",
                                            "device not available",
                                            "double fault",
                                            "9",
                                            "invalid TSS",
                                            "segment not present",
                                            "stack fault",
                                            "general protection fault",
                                            "page fault",
                                            "15",
                                            "x87 fault",
                                            "alignment check",
                                            "machine check",
                                            "SIMD fault",
                                            "virtualisation fault",
                                            "control protection"};
    return vector < sizeof(names) / sizeof(names[0]) ? names[vector] : "exception";
}

void handle_exception(UserRegs& regs) {
    // Both change with the next fault, so they are read before interrupts come on.
    const u8 vector = static_cast<u8>(regs.entry_vector);
    const u64 cr2 = vector == Vector::page_fault ? read_cr2() : 0;
    const u64 dr6 = vector == Vector::debug ? read_dr6() : 0;
    if (from_guest(regs)) [[likely]] {
        irq_enable();
        pv_handle_exception(regs, cr2, dr6);
        return;
    }
    // A descriptor in an LDT page that is not mapped yet, before the fix-up of the instruction that needs it.
    if (vector == Vector::page_fault && cpu_info().current && pv_hypervisor_fault(regs, cr2)) return;
    if (extable_fixup(regs)) return;
    char what[96];
    format(what, sizeof(what), "FATAL TRAP: vector = {} ({}), error code {:04x}, address {:x}", vector, name_of(vector),
           regs.error_code, cr2);
    panic_with_registers(regs, what);
}

/// A guest's breakpoint on data that the hypervisor copied for it, or one that MOV SS delayed into the entry path (SDM
/// vol.3 6.8.3): not ours, go on. Touches no guest memory, which could raise another on this stack.
void handle_hypervisor_debug(UserRegs& regs) {
    regs.rflags &= ~u64{1 << 8}; // TF
    asm volatile("movq %0, %%dr6" ::"r"(u64{0xffff0ff0}));
}

void handle_double_fault(UserRegs& regs) { panic_with_registers(regs, "DOUBLE FAULT"); }

} // namespace hv
