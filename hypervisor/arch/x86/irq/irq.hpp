// SPDX-License-Identifier: MIT
// Interrupts of the machine. An IRQ number: 0..nr_gsi-1 are GSIs, above that MSIs. Each in use has a descriptor with a
// vector on some CPU; an action in the hypervisor (serial, HPET) or a guest binding (PIRQ), never both.
#pragma once

#include "core/domain/domain.hpp"
#include "core/sched/sched.hpp"

namespace hv {

using IrqAction = void (*)(u32 irq, void* data);

// Fixed vectors (highest priority class), the rest is handed out dynamically.
inline constexpr u8 vector_spurious = 0xff, vector_error = 0xfe, vector_event_check = 0xfb, vector_call = 0xfc,
                    vector_tlb = 0xfd, vector_local_timer = 0xf9;
inline constexpr u8 vector_first_dynamic = 0x30, vector_last_dynamic = 0xef;
inline constexpr u8 vector_legacy_syscall = 0x82; // int 0x82: unused by 64-bit guests; 0x80 goes to the guest

void irq_init(); ///< descriptors, IO-APICs, 8259; after acpi_init() and mm_init()
/// Routes `irq` (a GSI; see irq_of_isa) to a handler of the hypervisor, called with interrupts off.
Status irq_request(u32 irq, IrqAction action, void* data);
u32 irq_of_isa(u8 isa_irq); ///< GSI behind an ISA interrupt, MADT overrides applied
u32 irq_count();            ///< machine IRQ numbers: GSIs, then MSIs
u32 irq_gsi_count();
/// pirqs that a domain gets when its configuration does not say: every GSI and MSIs for the hardware domain.
u32 irq_default_pirqs(bool hardware_domain);
/// Entry from the interrupt stub; EOIs.
extern "C" void handle_interrupt(UserRegs& regs);

// LAPIC / IPIs. Boot CPU: irq_init() before lapic_init_boot_cpu() or after, both before interrupts are enabled.
void lapic_init_boot_cpu();
void lapic_init_cpu();
void lapic_eoi();
void send_ipi(CpuId cpu, u8 vector);
void send_ipi_mask(const CpuMask& mask, u8 vector);
void send_nmi(CpuId cpu);
/// Runs fn(data) on every CPU of `mask` (interrupts off there), waits when asked.
void smp_call(const CpuMask& mask, void (*fn)(void*), void* data, bool wait);

// Guest side (irq/pirq.cpp).
Status pirq_domain_create(Domain& domain, u32 nr_pirqs);
void pirq_domain_destroy(Domain& domain);
/// EVTCHNOP_bind_pirq: routes the machine IRQ behind `pirq` to this vCPU's port.
Status pirq_bind(Vcpu& vcpu, u32 pirq, Port port, bool share);
void pirq_unbind(Domain& domain, u32 pirq);
void pirq_set_affinity(Domain& domain, u32 pirq, const Vcpu& vcpu);
void pirq_guest_eoi(Domain& domain, u32 pirq); ///< PHYSDEVOP_eoi and evtchn unmask
bool pirq_valid(const Domain& domain, u32 pirq);

} // namespace hv
