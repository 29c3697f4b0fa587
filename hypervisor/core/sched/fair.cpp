// SPDX-License-Identifier: MIT
#include "core/sched/fair.hpp"

namespace hv {

void FairGroup::set_cap(u32 percent, u64 now) {
    cap = percent;
    budget_ns.store(static_cast<s64>(quota_ns()), Order::relaxed);
    refill_at.store(now + fair_cap_period_ns, Order::relaxed);
}

void FairGroup::refill(u64 now) {
    u64 due = refill_at.load(Order::relaxed);
    if (cap == 0 || now < due) return;
    const u64 periods = (now - due) / fair_cap_period_ns + 1;
    if (!refill_at.compare_exchange(due, due + periods * fair_cap_period_ns)) return; // another CPU did it
    const s64 quota = static_cast<s64>(quota_ns());
    s64 old = budget_ns.load(Order::relaxed);
    // 1000 periods repay any debt that a cap of 1 % can run up in one slice; the product cannot overflow.
    const s64 gain = quota * static_cast<s64>(periods < 1000 ? periods : 1000);
    while (!budget_ns.compare_exchange(old, old + gain < quota ? old + gain : quota)) {
    }
}

void FairUnit::charge(u64 ran_ns) {
    vtime += to_virtual(ran_ns);
    if (group->cap) group->budget_ns.fetch_sub(static_cast<s64>(ran_ns), Order::relaxed);
}

void FairQueue::place(FairUnit& unit, const FairUnit* runner) {
    const FairUnit* first = head();
    if (!runner && !first) return; // no competitor here to be fair to
    u64 clock = runner ? runner->vtime : first->vtime;
    if (first && FairUnit::before(first->vtime, clock)) clock = first->vtime;
    const u64 low = clock - unit.to_virtual(fair_sleeper_credit_ns);
    const u64 high = clock + unit.to_virtual(fair_max_debt_ns);
    if (FairUnit::before(unit.vtime, low))
        unit.vtime = low;
    else if (FairUnit::before(high, unit.vtime))
        unit.vtime = high;
}

void FairQueue::insert(FairUnit& unit) {
    // Newcomers mostly belong to the end, but the queue is short: walk it in order.
    FairUnit* at = nullptr;
    for (FairUnit& other : units_)
        if (FairUnit::before(unit.vtime, other.vtime)) {
            at = &other;
            break;
        }
    if (at)
        units_.insert_before(*at, unit);
    else
        units_.push_back(unit);
    count_.store(count() + 1, Order::relaxed);
    publish();
}

void FairQueue::remove(FairUnit& unit) {
    List<FairUnit, &FairUnit::node>::remove(unit);
    count_.store(count() - 1, Order::relaxed);
    publish();
}

void FairQueue::publish() {
    if (FairUnit* first = head()) head_vtime_.store(first->vtime, Order::relaxed);
}

FairUnit* FairQueue::stealable(CpuId cpu, const u64* limit) {
    FairUnit* found = nullptr;
    for (FairUnit& unit : units_) {
        if (limit && !FairUnit::before(unit.vtime, *limit)) break;
        if (!unit.hard.test(cpu)) continue;
        if (unit.soft.test(cpu)) return &unit;
        if (!found) found = &unit;
    }
    return found;
}

u64 fair_slice(const FairUnit& runner, const FairUnit* waiting) {
    u64 slice = 0;
    if (waiting) {
        // Until it is fair_slack_ns (of its own run time) ahead of the next in line.
        const s64 lead = static_cast<s64>(waiting->vtime - runner.vtime);
        slice = fair_slack_ns;
        if (lead > 0)
            slice += static_cast<u64>(lead) < fair_max_slice_ns << 17 ? runner.to_real(static_cast<u64>(lead))
                                                                      : fair_max_slice_ns;
        else if (runner.to_real(static_cast<u64>(-lead)) < fair_slack_ns)
            slice -= runner.to_real(static_cast<u64>(-lead));
        else
            slice = fair_min_slice_ns;
        slice = slice > fair_max_slice_ns ? fair_max_slice_ns : slice < fair_min_slice_ns ? fair_min_slice_ns : slice;
    }
    if (runner.group->cap) {
        const s64 budget = runner.group->budget_ns.load(Order::relaxed);
        const u64 rest = budget > 100'000 ? static_cast<u64>(budget) : 100'000;
        slice = slice == 0 || rest < slice ? rest : slice;
    }
    return slice;
}

} // namespace hv
