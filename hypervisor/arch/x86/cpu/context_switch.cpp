// SPDX-License-Identifier: MIT
// Switching vCPUs. The idle vCPU needs nothing of the machine, so a switch to it leaves the last guest's state where it
// is (CpuInfo::regs, segments, page tables, FPU); it is saved only when another vCPU needs this CPU or another CPU
// needs the vCPU. `arch.loaded_on` says who holds it.
#include "core/sched/sched.hpp"
#include "cpu/cpuid.hpp"
#include "cpu/cr.hpp"
#include "cpu/gdt_tss.hpp"
#include "cpu/msr.hpp"
#include "cpu/xstate.hpp"
#include "irq/irq.hpp"
#include "lib/percpu.hpp"
#include "mm/hv_pagetable.hpp"
#include "mm/layout.hpp"
#include "mm/perdomain.hpp"
#include "mm/tlb_ipi.hpp"
#include "pv/descriptor.hpp"
#include "pv/pv.hpp"
#include "pv/segments.hpp"
#include "time/pvclock.hpp"

namespace hv {

extern "C" {
[[noreturn]] void jump_to_stack_top(UserRegs* regs, void (*target)());
void exit_to_guest();
}

namespace {

struct Loaded {
    Vcpu* vcpu = nullptr; ///< whose state this CPU holds
    u64 gdt_base = 0;     ///< 0: the CPU's own
    u32 ldt_entries = 0;
    u64 tsc_aux = 0;
    bool cpuid_faults = false;
};
PerCpu<Loaded> loaded;
constexpr u32 tsc_always_emulate = 1; // XEN_DOMCTL_settscinfo tsc_mode

void set_cpuid_faulting(Loaded& here, bool on) {
    if (!cpu_features.cpuid_faulting || here.cpuid_faults == on) return;
    here.cpuid_faults = on;
    wrmsr(Msr::misc_features, on);
}

void save_state(Loaded& here) {
    Vcpu& vcpu = *here.vcpu;
    ArchVcpu& arch = vcpu.arch;
    if (arch.fpu_loaded) fpu_save(vcpu);
    arch.regs = cpu_info().regs;
    segments_save(vcpu);
    if (arch.pv.dr[7] & 0xff) asm volatile("movq %0, %%dr7" ::"r"(u64{0x400}));
    here.tsc_aux = arch.pv.tsc_aux; // the guest may have set it meanwhile
}

/// After other page tables were loaded: nothing of its address space can be cached or walked here any more.
void let_go(Loaded& here) {
    if (here.vcpu) here.vcpu->arch.loaded_on.store(no_cpu, Order::release);
    here.vcpu = nullptr;
}

void load_tables(Loaded& here, Vcpu& vcpu) {
    const CpuId cpu = cpu_id();
    const u64 gdt = gdt_address(vcpu.id);
    if (vcpu.arch.pv.gdt_cpu != cpu) {
        perdomain_set(*vcpu.domain, gdt + gdt_reserved_page * page_size, cpu_gdt_frame(cpu));
        vcpu.arch.pv.gdt_cpu = cpu;
    }
    // An NMI in between needs our selectors: the window of another vCPU number may be missing in the new tables.
    if (here.gdt_base && here.gdt_base != gdt) load_gdt({gdt_limit, cpu_gdt_base(cpu)});
    // Whoever changes a table from here on finds us in domain_dirty_cpus(); what was changed before, we shall see.
    vcpu.arch.loaded_on.store(cpu, Order::relaxed);
    tlb_note_flush();
    memory_fence();
    write_cr3(vcpu.arch.cr3);
    if (here.gdt_base != gdt) load_gdt({gdt_limit, gdt});
    here.gdt_base = gdt;
    if (here.ldt_entries | vcpu.arch.pv.ldt_entries) {
        cpu_set_ldt(ldt_address(vcpu.id), vcpu.arch.pv.ldt_entries);
        here.ldt_entries = vcpu.arch.pv.ldt_entries;
    }
}

void load_state(Loaded& here, Vcpu& vcpu) {
    ArchVcpu& arch = vcpu.arch;
    load_tables(here, vcpu);
    let_go(here);
    cpu_info().regs = arch.regs;
    segments_load(vcpu);
    if (arch.pv.dr[7] & 0xff)
        for (const unsigned index : {0U, 1U, 2U, 3U, 6U, 7U})
            load_debug_register(index, arch.pv.dr[index]);
    xstate_load_xcr0(vcpu);
    fpu_load(vcpu);
    pv_load_cr4(vcpu);
    set_cpuid_faulting(here, true);
    if (here.tsc_aux != arch.pv.tsc_aux) wrmsr(Msr::tsc_aux, here.tsc_aux = arch.pv.tsc_aux);
    here.vcpu = &vcpu;
}

} // namespace

void pv_load_ldt(Vcpu& vcpu) {
    Loaded& here = loaded.get();
    cpu_set_ldt(ldt_address(vcpu.id), vcpu.arch.pv.ldt_entries);
    here.ldt_entries = vcpu.arch.pv.ldt_entries;
}

void pv_load_cr4(const Vcpu& vcpu) {
    const bool tsd = (vcpu.arch.pv.ctrlreg[4] & Cr4::tsd) || vcpu.domain->arch.tsc_mode == tsc_always_emulate;
    u64& live = cpu_info().cr4;
    const u64 wanted = hv_cr4 | (tsd ? Cr4::tsd : 0);
    if (live != wanted) {
        live = wanted;
        write_cr4(wanted);
    }
}

void cpu_drop_lazy_state() {
    const IrqOff off;
    Loaded& here = loaded.get();
    if (!here.vcpu || !current().is_idle) return;
    save_state(here);
    load_gdt({gdt_limit, cpu_gdt_base(cpu_id())});
    here.gdt_base = 0;
    if (here.ldt_entries) cpu_set_ldt(0, 0);
    here.ldt_entries = 0;
    tlb_note_flush();
    memory_fence();
    write_cr3(idle_cr3());
    let_go(here);
}

void vcpu_sync_state(Vcpu& vcpu) {
    const CpuId holder = vcpu.arch.loaded_on.load(Order::acquire);
    if (holder == no_cpu || vcpu.is_idle) return;
    smp_call(
        CpuMask::of(holder), [](void*) { cpu_drop_lazy_state(); }, nullptr, true);
}

void context_switch(Vcpu& prev, Vcpu& next) {
    CpuInfo& info = cpu_info();
    Loaded& here = loaded.get();
    if (!prev.is_idle) update_runstate_area(prev);
    if (!next.is_idle && here.vcpu != &next) {
        const CpuId holder = next.arch.loaded_on.load(Order::acquire);
        if (holder != no_cpu && holder != info.cpu) {
            irq_enable();
            vcpu_sync_state(next);
            irq_disable();
        }
        if (here.vcpu) save_state(here);
        load_state(here, next);
    }
    info.current = &next;
    context_saved(prev);
    if (!next.is_idle) {
        update_vcpu_system_time(next);
        update_runstate_area(next);
    }
    irq_enable();
    jump_to_stack_top(&info.regs, next.is_idle ? idle_loop : exit_to_guest);
}

void continue_running(Vcpu& same) { jump_to_stack_top(&guest_regs(), same.is_idle ? idle_loop : exit_to_guest); }

} // namespace hv
