// SPDX-License-Identifier: MIT
// The end of a domain: shut down (its pages stay, for the toolstack to look at or to save), killed, taken apart.
#include "core/debug/printk.hpp"
#include "core/domain/table.hpp"
#include "core/domain/timers.hpp"
#include "core/evtchn/evtchn.hpp"
#include "core/grant/grant.hpp"
#include "core/mm/heap.hpp"
#include "core/sched/sched.hpp"
#include "platform/power.hpp"
#include "traps/dump.hpp"

namespace hv {

void domain_shutdown(Domain& domain, u32 reason) {
    bool notify_suspend = false;
    {
        const Guard guard(domain.shutdown_lock);
        if (domain.shutdown_code == ~0U) domain.shutdown_code = reason;
        reason = domain.shutdown_code;
        if (domain.shutting_down) return;
        domain.shutting_down = true;
        if (!domain.is_hardware) {
            for_each_vcpu(domain, [](Vcpu& vcpu) {
                vcpu_pause_nosync(vcpu);
                vcpu.paused_for_shutdown = true;
            });
            domain.shut_down = true;
            notify_suspend = reason == SHUTDOWN_suspend && domain.suspend_port != Port{};
        }
    }
    if (domain.is_hardware) {
        // It will not be looked at any more: say where it was. Running vCPUs keep theirs on their own CPU.
        if (reason == SHUTDOWN_crash)
            for_each_vcpu(domain, [](Vcpu& vcpu) {
                if (&vcpu == &current())
                    dump_registers(guest_regs());
                else if (!vcpu.is_running.load())
                    dump_vcpu(vcpu);
            });
        hardware_domain_shutdown(reason);
    }
    if (!notify_suspend || !evtchn_send(domain, domain.suspend_port).ok()) evtchn_send_global_virq(VIRQ_DOM_EXC);
}

Status domain_resume(Domain& domain) {
    // Nobody of it may run between the flags and the last vCPU: as one step.
    domain_pause(domain);
    {
        const Guard guard(domain.shutdown_lock);
        domain.shutting_down = domain.shut_down = false;
        domain.shutdown_code = ~0U;
        for_each_vcpu(domain, [](Vcpu& vcpu) {
            if (vcpu.paused_for_shutdown) vcpu_unpause(vcpu);
            vcpu.paused_for_shutdown = false;
        });
    }
    domain_unpause(domain);
    return {};
}

void domain_crash(Domain& domain, const char* why) {
    if (domain.shutting_down) return;
    if (&domain == current().domain) {
        log_error("domain {} vcpu {} crashed by the hypervisor: {}", domain.id, current().id, why);
        dump_registers(guest_regs());
    } else {
        log_error("domain {} crashed by the hypervisor on behalf of domain {}: {}", domain.id, current().domain->id,
                  why);
    }
    domain_shutdown(domain, SHUTDOWN_crash);
}

void vcpu_relinquish(Vcpu& vcpu) {
    if (vcpu.is_idle) return;
    vcpu_timers_stop(vcpu);
    vcpu.runstate_guest = 0;
    vcpu.arch.time_info_guest = 0;
    if (vcpu.info_page) TypedPageRef::adopt(*vcpu.info_page).reset();
    vcpu.info_page = nullptr;
    vcpu_info_reset(vcpu);
}

/// Each stage may be repeated: it is left only when it is complete.
Status domain_kill(Domain& domain) {
    if (&domain == current().domain || domain.is_hardware) return Errno::inval;
    Domain::Dying alive = Domain::Dying::no;
    if (domain.dying.compare_exchange(alive, Domain::Dying::dying))
        domain_pause(domain); // for good
    else if (alive == Domain::Dying::dead)
        return {};
    constexpr Status (*stages[])(Domain&) = {
        [](Domain& d) -> Status { return domain_watchdog_stop(d), domain_claim_pages(d, 0); },
        evtchn_domain_relinquish,
        grant_table_relinquish,
        [](Domain& d) -> Status { return for_each_vcpu(d, vcpu_relinquish), Status{}; },
        arch_domain_relinquish,
        domain_relinquish_memory,
    };
    for (; domain.destroy_stage < sizeof(stages) / sizeof(stages[0]); ++domain.destroy_stage)
        TRY(stages[domain.destroy_stage](domain));
    domain.dying.store(Domain::Dying::dead);
    domain_put(domain); // the reference of its existence
    evtchn_send_global_virq(VIRQ_DOM_EXC);
    return {};
}

void domain_put(Domain& domain) {
    if (domain.refs.fetch_sub(1, Order::acq_rel) != 1) return;
    HV_ASSERT(domain.dying.load() == Domain::Dying::dead);
    domain_table_remove(domain);
    grace_call(domain.grace, [](GraceCall& call) {
        const u64 offset = reinterpret_cast<u64>(&reinterpret_cast<Domain*>(page_size)->grace) - page_size;
        domain_free(*reinterpret_cast<Domain*>(reinterpret_cast<u64>(&call) - offset));
        // The toolstack waits for the domain to have gone completely.
        evtchn_send_global_virq(VIRQ_DOM_EXC);
    });
}

} // namespace hv
