// SPDX-License-Identifier: MIT
// Creation, affinity, parameters and figures of the scheduler.
#include "core/deferred/softirq.hpp"
#include "core/domain/domain.hpp"
#include "core/init/cmdline.hpp"
#include "core/sched/run.hpp"

namespace hv {

namespace {

void refill_over(void* data) {
    auto& group = *static_cast<SchedDomain*>(data);
    group.refill(now_ns());
    for_each_vcpu(*group.domain, [&](Vcpu& vcpu) {
        {
            const UnitGuard cpu(vcpu);
            if (!vcpu.sched->parked) return;
            vcpu.sched->parked = false;
        }
        vcpu_wake(vcpu); // parks it again when the debt is larger than a refill
    });
}

Atomic<u32> next_cpu{0};

} // namespace

Status sched_domain_create(Domain& domain) {
    auto* group = make<SchedDomain>();
    if (!group) return Errno::no_mem;
    group->domain = &domain;
    group->refill_timer.init(refill_over, group, cpu_id());
    domain.sched = group;
    return {};
}

void sched_domain_destroy(Domain& domain) {
    auto* group = static_cast<SchedDomain*>(domain.sched);
    if (group) group->refill_timer.stop();
    destroy(group);
    domain.sched = nullptr;
}

Status sched_vcpu_create(Vcpu& vcpu) {
    if (vcpu.is_idle) {
        vcpu.processor = vcpu.id;
        return {};
    }
    auto* unit = make<SchedUnit>();
    if (!unit) return Errno::no_mem;
    unit->vcpu = &vcpu;
    unit->group = static_cast<SchedDomain*>(vcpu.domain->sched);
    vcpu.sched = unit;
    CpuId cpu = online_cpus.next(next_cpu.load(Order::relaxed));
    cpu = cpu < max_cpus ? cpu : online_cpus.first();
    next_cpu.store(cpu + 1 < max_cpus ? cpu + 1 : 0, Order::relaxed);
    vcpu.processor = cpu;
    return {};
}

void sched_vcpu_destroy(Vcpu& vcpu) {
    if (vcpu.sched) {
        static_cast<SchedDomain*>(vcpu.sched->group)->refill_timer.stop(); // it walks the domain's vCPUs
        UnitGuard cpu(vcpu);
        sched_unqueue(*cpu, vcpu);
    }
    destroy(vcpu.sched);
    vcpu.sched = nullptr;
}

Status sched_set_affinity(Vcpu& vcpu, const CpuMask* hard, const CpuMask* soft) {
    if ((hard && (*hard & online_cpus).empty()) || (soft && soft->empty())) return Errno::inval;
    bool move = false;
    {
        UnitGuard cpu(vcpu);
        SchedUnit& unit = *vcpu.sched;
        if (hard && unit.pin_overridden) return Errno::busy;
        if (hard) unit.hard = *hard;
        if (soft) unit.soft = *soft;
        if (unit.hard.test(vcpu.processor)) return {};
        if (unit.queued) {
            sched_unqueue(*cpu, vcpu);
            move = true;
        } else if (cpu->running == &vcpu) {
            softirq_raise_on(vcpu.processor, Softirq::schedule);
        }
    }
    if (move) vcpu_wake(vcpu);
    return {};
}

Status sched_pin_override(Vcpu& vcpu, s32 cpu_number) {
    CpuMask mask;
    {
        UnitGuard cpu(vcpu);
        SchedUnit& unit = *vcpu.sched;
        if (cpu_number < 0) {
            if (!unit.pin_overridden) return Errno::no_ent;
            mask = unit.saved_hard;
        } else {
            if (unit.pin_overridden) return Errno::busy;
            if (static_cast<u32>(cpu_number) >= max_cpus || !online_cpus.test(static_cast<u32>(cpu_number)))
                return Errno::inval;
            unit.saved_hard = unit.hard;
            mask = CpuMask::of(static_cast<u32>(cpu_number));
        }
        unit.pin_overridden = false;
    }
    TRY(sched_set_affinity(vcpu, &mask, nullptr));
    vcpu.sched->pin_overridden = cpu_number >= 0;
    return {};
}

void sched_undo_pin_override(Vcpu& vcpu) {
    UnitGuard cpu(vcpu);
    if (vcpu.sched->pin_overridden) vcpu.sched->hard = vcpu.sched->saved_hard;
    vcpu.sched->pin_overridden = false;
}

void sched_get_affinity(const Vcpu& vcpu, CpuMask& hard, CpuMask& soft) {
    const UnitGuard cpu(vcpu);
    hard = vcpu.sched->pin_overridden ? vcpu.sched->saved_hard : vcpu.sched->hard;
    soft = vcpu.sched->soft;
}

Status sched_adjust(Domain& domain, xen_domctl_scheduler_op& op) {
    auto& group = *static_cast<SchedDomain*>(domain.sched);
    if (op.sched_id != sched_id_reported) return Errno::inval;
    switch (op.cmd) {
    case XEN_DOMCTL_SCHEDOP_getinfo:
        op.u.credit2.weight = static_cast<u16>(group.weight);
        op.u.credit2.cap = static_cast<u16>(group.cap);
        return {};
    case XEN_DOMCTL_SCHEDOP_putinfo:
        // xen/domctl.h: weight 0 and cap 0xffff mean "leave it".
        if (op.u.credit2.weight) write_once(group.weight, op.u.credit2.weight);
        if (op.u.credit2.cap != u16{0xffff}) {
            if (op.u.credit2.cap > 100 * domain.max_vcpus) return Errno::inval;
            group.set_cap(op.u.credit2.cap, now_ns());
            refill_over(&group);
        }
        return {};
    default: return Errno::inval;
    }
}

Status sched_adjust_global(xen_sysctl_scheduler_op& op) {
    if (op.sched_id != sched_id_reported) return Errno::inval;
    if (op.cpupool_id != 0) return Errno::srch;
    u32& ratelimit = op.u.sched_credit2.ratelimit_us;
    switch (op.cmd) {
    case XEN_SYSCTL_SCHEDOP_putinfo:
        if (ratelimit && (ratelimit > XEN_SYSCTL_SCHED_RATELIMIT_MAX || ratelimit < XEN_SYSCTL_SCHED_RATELIMIT_MIN))
            return Errno::inval;
        write_once(sched_ratelimit_ns, u64{ratelimit} * 1000);
        [[fallthrough]];
    case XEN_SYSCTL_SCHEDOP_getinfo: ratelimit = static_cast<u32>(sched_ratelimit_ns / 1000); return {};
    default: return Errno::inval;
    }
}

void vcpu_runstate_get(const Vcpu& vcpu, vcpu_runstate_info_t& out) {
    const UnitGuard cpu(vcpu);
    out = vcpu.runstate;
    const u64 now = now_ns();
    if (now > out.state_entry_time) out.time[out.state] += now - out.state_entry_time;
}

u64 vcpu_cpu_time_ns(const Vcpu& vcpu) {
    vcpu_runstate_info_t info;
    vcpu_runstate_get(vcpu, info);
    return info.time[RUNSTATE_running];
}

u64 cpu_idle_time_ns(CpuId cpu) { return vcpu_cpu_time_ns(*sched_cpus[cpu]->idle); }

} // namespace hv
