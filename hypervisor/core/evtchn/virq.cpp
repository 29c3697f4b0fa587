// SPDX-License-Identifier: MIT
// Virtual interrupts: per-vCPU ones and those that go to one handler domain (xen/xen.h VIRQ_*).
#include "core/evtchn/virq.hpp"

#include "core/evtchn/channel.hpp"

namespace hv {

static Domain* handlers[NR_VIRQS]; // nullptr: dom0; a reference is held
static SpinLock handlers_lock{LockRank::evtchn_port};

bool evtchn_virq_is_global(u32 virq) {
    return virq != VIRQ_TIMER && virq != VIRQ_DEBUG && virq != VIRQ_XENOPROF && virq != VIRQ_XENPMU;
}

static void raise_virq(Vcpu& vcpu, u32 virq) {
    const IrqGuard guard(vcpu.virq_lock); // the port stays bound while it is held
    if (const Port port = vcpu.virq_port[virq]; port != Port{})
        evtchn_set_pending(*vcpu.domain, vcpu.domain->evtchn->at(port.raw()));
}

void evtchn_send_virq(Vcpu& vcpu, u32 virq) {
    HV_ASSERT(virq < NR_VIRQS && !evtchn_virq_is_global(virq));
    raise_virq(vcpu, virq);
}

void evtchn_send_global_virq(u32 virq) {
    HV_ASSERT(virq < NR_VIRQS && evtchn_virq_is_global(virq));
    DomainRef chosen;
    {
        const IrqGuard guard(handlers_lock);
        Domain* domain = handlers[virq] ? handlers[virq] : dom0;
        if (!domain) return;
        chosen = DomainRef::share(*domain);
    }
    if (chosen->max_vcpus && chosen->vcpus[0]) raise_virq(*chosen->vcpus[0], virq);
}

Status evtchn_set_global_virq_handler(Domain& domain, u32 virq) {
    if (virq >= NR_VIRQS || !evtchn_virq_is_global(virq)) return Errno::inval;
    DomainRef old;
    const IrqGuard guard(handlers_lock);
    if (domain.dying.load() != Domain::Dying::no) return Errno::inval;
    if (handlers[virq]) old = DomainRef::adopt(*handlers[virq]);
    handlers[virq] = &DomainRef::share(domain).release();
    return {};
}

void virq_handlers_forget(Domain& domain) {
    for (Domain*& handler : handlers) {
        DomainRef old;
        const IrqGuard guard(handlers_lock);
        if (handler == &domain) {
            old = DomainRef::adopt(*handler);
            handler = nullptr;
        }
    }
}

} // namespace hv
