// SPDX-License-Identifier: MIT
// The scheduler's pure part, driven by a small simulated machine: CPUs that run slices, wake-ups at given times.
#include "core/sched/fair.hpp"

#include <catch2/catch.hpp>

#include <cmath>
#include <memory>
#include <optional>
#include <vector>

using namespace hv;

namespace {

struct Task : FairUnit {
    u64 ran = 0;
    u64 run_for = 0, sleep_for = 0; // 0: never sleeps
    u64 left = 0;
    u64 wakes_at = 0;
    u64 queued_at = 0, longest_wait = 0;
    bool asleep = false, waiting = false, parked = false;
};

struct Machine {
    struct Cpu {
        FairQueue queue;
        Task* running = nullptr;
        u64 until = 0;
    };
    explicit Machine(unsigned count) {
        for (unsigned i = 0; i < count; ++i)
            cpus.push_back(std::make_unique<Cpu>());
    }

    FairGroup& group(u32 weight, u32 cap = 0) {
        groups.push_back(std::make_unique<FairGroup>());
        groups.back()->weight = weight;
        if (cap) groups.back()->set_cap(cap, now);
        return *groups.back();
    }
    Task& task(FairGroup& in, CpuMask hard = CpuMask::all()) {
        tasks.push_back(std::make_unique<Task>());
        Task& t = *tasks.back();
        t.group = &in;
        t.hard = hard;
        wake(t);
        return t;
    }

    void wake(Task& t) {
        t.asleep = t.parked = false;
        t.left = t.run_for;
        CpuId to = max_cpus;
        for (CpuId i = 0; i < cpus.size(); ++i)
            if (t.hard.test(i) && (to == max_cpus || (cpus[to]->running && !cpus[i]->running))) to = i;
        Cpu& cpu = *cpus[to];
        cpu.queue.place(t, cpu.running);
        enqueue(cpu, t);
        if (!cpu.running || fair_preempts(t, cpu.running->vtime) || cpu.until == 0 ||
            cpu.until > now + fair_max_slice_ns)
            cpu.until = now;
    }
    void enqueue(Cpu& cpu, Task& t) {
        t.waiting = true;
        t.queued_at = now;
        cpu.queue.insert(t);
    }

    Task* steal(CpuId me, const u64* limit) {
        for (CpuId i = 0; i < cpus.size(); ++i)
            if (i != me && !cpus[i]->queue.empty())
                if (FairUnit* unit = cpus[i]->queue.stealable(me, limit)) {
                    cpus[i]->queue.remove(*unit);
                    cpus[me]->queue.place(*unit, cpus[me]->running);
                    return static_cast<Task*>(unit);
                }
        return nullptr;
    }

    void reschedule(CpuId me) {
        Cpu& cpu = *cpus[me];
        Task* keep = cpu.running;
        if (keep && keep->run_for && keep->left == 0) {
            keep->asleep = true;
            keep->wakes_at = now + keep->sleep_for;
            keep = nullptr;
        }
        if (keep) keep->group->refill(now);
        if (keep && keep->group->exhausted()) {
            keep->parked = true;
            keep->wakes_at = keep->group->refill_at.load();
            keep = nullptr;
        }
        cpu.running = keep;
        Task* next = keep;
        if (FairUnit* head = cpu.queue.head(); head && (!keep || FairUnit::before(head->vtime, keep->vtime))) {
            next = static_cast<Task*>(head);
            cpu.queue.remove(*head);
        } else {
            const u64 limit = keep ? keep->vtime - keep->to_virtual(fair_slack_ns) : 0;
            if (Task* other = steal(me, keep ? &limit : nullptr)) next = other;
        }
        if (keep && keep != next) enqueue(cpu, *keep);
        if (next && next != keep && next->waiting) {
            next->longest_wait = std::max(next->longest_wait, now - next->queued_at);
            next->waiting = false;
        }
        cpu.running = next;
        const u64 slice = next ? fair_slice(*next, cpu.queue.head()) : 0;
        // An idle or unlimited CPU still looks around now and then, as the wake-ups of the real machine make it.
        cpu.until = now + (slice ? slice : fair_max_slice_ns);
        if (next && next->run_for) cpu.until = std::min(cpu.until, now + next->left);
    }

    void run(u64 ns) {
        const u64 end = now + ns;
        while (now < end) {
            u64 at = end;
            for (auto& cpu : cpus)
                at = std::min(at, std::max(cpu->until, now));
            for (auto& t : tasks)
                if (t->asleep || t->parked) at = std::min(at, std::max(t->wakes_at, now));
            for (auto& cpu : cpus)
                if (Task* t = cpu->running; t && at > now) {
                    t->charge(at - now);
                    t->ran += at - now;
                    t->left -= t->run_for ? std::min(t->left, at - now) : 0;
                }
            now = at;
            for (auto& t : tasks)
                if ((t->asleep || t->parked) && t->wakes_at <= now) {
                    t->group->refill(now);
                    if (t->group->exhausted())
                        t->wakes_at = t->group->refill_at.load();
                    else
                        wake(*t);
                }
            for (CpuId i = 0; i < cpus.size(); ++i)
                if (cpus[i]->until <= now) reschedule(i);
        }
    }

    u64 now = 1'000'000;
    std::vector<std::unique_ptr<Cpu>> cpus;
    std::vector<std::unique_ptr<FairGroup>> groups;
    std::vector<std::unique_ptr<Task>> tasks;
};

constexpr u64 second = 1'000'000'000;
double share(const Task& t, u64 of) { return static_cast<double>(t.ran) / static_cast<double>(of); }

} // namespace

TEST_CASE("run time is proportional to weight", "[sched]") {
    Machine m(1);
    Task& a = m.task(m.group(256));
    Task& b = m.task(m.group(512));
    Task& c = m.task(m.group(1024));
    m.run(10 * second);
    CHECK(share(a, 10 * second) == Approx(1.0 / 7).margin(0.01));
    CHECK(share(b, 10 * second) == Approx(2.0 / 7).margin(0.01));
    CHECK(share(c, 10 * second) == Approx(4.0 / 7).margin(0.01));
}

TEST_CASE("extreme weights starve nobody", "[sched]") {
    Machine m(1);
    Task& small = m.task(m.group(1));
    Task& big = m.task(m.group(65535));
    m.run(1000 * second);
    CHECK(small.ran > 0);
    CHECK(share(small, 1000 * second) == Approx(1.0 / 65536).margin(0.0005));
    CHECK(small.ran + big.ran == 1000 * second);
}

TEST_CASE("three hogs on two CPUs each get two thirds", "[sched]") {
    Machine m(2);
    std::vector<Task*> t;
    for (int i = 0; i < 3; ++i)
        t.push_back(&m.task(m.group(256)));
    m.run(20 * second);
    for (Task* task : t)
        CHECK(share(*task, 20 * second) == Approx(2.0 / 3).margin(0.05));
}

TEST_CASE("no CPU idles while a unit waits that it may run", "[sched]") {
    Machine m(4);
    u64 total = 0;
    for (int i = 0; i < 4; ++i)
        m.task(m.group(256));
    m.run(second);
    for (auto& t : m.tasks)
        total += t->ran;
    CHECK(total >= 4 * second - 4 * fair_max_slice_ns);
}

TEST_CASE("hard affinity is kept, and what is pinned does not suffer for its past", "[sched]") {
    Machine m(2);
    Task& pinned = m.task(m.group(256), CpuMask::of(1));
    m.run(5 * second);
    CHECK(pinned.ran >= 5 * second - fair_max_slice_ns);
    // Newcomers share CPU 1 with it, not take it until they have caught up.
    Task& other = m.task(m.group(256), CpuMask::of(1));
    Task& elsewhere = m.task(m.group(256), CpuMask::of(0));
    const u64 before = pinned.ran;
    m.run(2 * second);
    CHECK(share(other, 2 * second) == Approx(0.5).margin(0.05));
    CHECK(static_cast<double>(pinned.ran - before) / (2.0 * second) == Approx(0.5).margin(0.05));
    CHECK(elsewhere.ran >= 2 * second - fair_max_slice_ns);
}

TEST_CASE("a sleeper wakes into a running hog quickly and hoards nothing", "[sched]") {
    Machine m(1);
    Task& hog = m.task(m.group(256));
    Task& sleeper = m.task(m.group(256));
    sleeper.run_for = 100'000;
    sleeper.sleep_for = 9'900'000;
    m.run(10 * second);
    CHECK(sleeper.longest_wait <= fair_max_slice_ns);
    CHECK(share(sleeper, 10 * second) == Approx(0.01).margin(0.003));
    // Once it never sleeps any more, it gets its half and no more than the sleeper's credit on top.
    sleeper.run_for = 0;
    const u64 hog_before = hog.ran, sleeper_before = sleeper.ran;
    m.run(second);
    CHECK(std::abs(static_cast<double>(hog.ran - hog_before) - static_cast<double>(sleeper.ran - sleeper_before)) <=
          3.0 * fair_max_slice_ns);
}

TEST_CASE("a cap holds on an idle machine and is used in full", "[sched]") {
    const u32 cap = GENERATE(1u, 10u, 25u, 50u, 100u, 150u);
    Machine m(2);
    FairGroup& group = m.group(256, cap);
    Task& a = m.task(group);
    Task& b = m.task(group);
    m.run(10 * second);
    CHECK(share(a, 10 * second) + share(b, 10 * second) == Approx(cap / 100.0).epsilon(0.05));
}

TEST_CASE("many units all run", "[sched]") {
    Machine m(3);
    for (u32 i = 0; i < 40; ++i) {
        Task& t = m.task(m.group(1 + i * 50));
        if (i % 3 == 0) {
            t.run_for = 300'000;
            t.sleep_for = 2'000'000 + i * 10'000;
        }
    }
    m.run(20 * second);
    for (auto& t : m.tasks)
        CHECK(t->ran > 0);
}

TEST_CASE("stealing prefers soft affinity, respects hard affinity and the limit", "[sched]") {
    FairGroup group;
    FairQueue queue;
    FairUnit a, b, c;
    for (FairUnit* u : {&a, &b, &c})
        u->group = &group;
    a.vtime = 10, b.vtime = 20, c.vtime = 30;
    a.hard = CpuMask::of(0);
    b.soft = CpuMask::of(0);
    for (FairUnit* u : {&c, &a, &b})
        queue.insert(*u);
    CHECK(queue.head() == &a);
    CHECK(queue.head_vtime() == 10);
    CHECK(queue.stealable(1, nullptr) == &c);
    CHECK(queue.stealable(0, nullptr) == &a);
    const u64 limit = 25;
    CHECK(queue.stealable(1, &limit) == &b);
    const u64 low = 10;
    CHECK(queue.stealable(0, &low) == nullptr);
    for (FairUnit* u : {&b, &a, &c})
        queue.remove(*u);
    CHECK(queue.empty());
}

TEST_CASE("virtual time may wrap", "[sched]") {
    FairGroup group;
    FairQueue queue;
    FairUnit early, late;
    early.group = late.group = &group;
    early.vtime = ~u64{0} - 5;
    late.vtime = 5;
    queue.insert(late);
    queue.insert(early);
    CHECK(queue.head() == &early);
    CHECK(fair_slice(early, &late) >= fair_slack_ns);
    queue.remove(early);
    queue.remove(late);
}

TEST_CASE("debt of a cap is carried, thrift is not", "[sched]") {
    FairGroup group;
    group.set_cap(50, 0);
    FairUnit unit;
    unit.group = &group;
    unit.charge(fair_cap_period_ns);
    CHECK(group.exhausted());
    group.refill(fair_cap_period_ns);
    CHECK(group.exhausted()); // 5 ms of debt repaid, nothing left
    group.refill(2 * fair_cap_period_ns);
    CHECK_FALSE(group.exhausted());
    group.refill(1000 * fair_cap_period_ns);
    CHECK(group.budget_ns.load() == static_cast<s64>(group.quota_ns()));
}
