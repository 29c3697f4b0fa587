// SPDX-License-Identifier: MIT
// Event words and bits against a guest that follows the ABI, one that does not, and a model of what must arrive.
#include "core/evtchn/fifo.hpp"

#include <catch2/catch.hpp>
#include <map>
#include <random>
#include <set>
#include <thread>
#include <vector>

#include "core/evtchn/two_level.hpp"

using namespace hv;

namespace {

constexpr u32 ports = 64, vcpus = 2;

struct Machine {
    u32 words[ports] = {};
    FifoPort state[ports];
    FifoQueue queues[vcpus][EVTCHN_FIFO_MAX_QUEUES];
    evtchn_fifo_control_block_t control[vcpus] = {};
    u32 guest_head[vcpus][EVTCHN_FIFO_MAX_QUEUES] = {}; // the guest's own copies, as Linux keeps them
    u32 guest_ready[vcpus] = {};

    /// What EVTCHNOP_send does on the receiving side. True: an upcall.
    bool raise(u32 port, u32 vcpu, u32 priority) {
        test_and_set_bit(EVTCHN_FIFO_PENDING, &words[port]);
        if (read_once(words[port]) & (fifo_linked | u32{1} << EVTCHN_FIFO_MASKED)) return false;
        const auto queue = [this](u32 id) -> FifoQueue& { return queues[id >> 8][id & 0xff]; };
        const auto word_of = [this](u32 p) { return p < ports ? &words[p] : nullptr; };
        return fifo_append(state[port], port, words[port], vcpu << 8 | priority, control[vcpu].head[priority], queue,
                           word_of) == FifoLink::first &&
               !test_and_set_bit(priority, &control[vcpu].ready);
    }

    /// The consumer of the ABI: takes the event at the head of a queue. The shared ready bit goes *before* the queue is
    /// looked at: once the last word is unlinked a sender may start the queue anew, and its bit must survive.
    u32 consume(u32 vcpu, u32 priority) {
        take_ready(vcpu);
        u32 port = guest_head[vcpu][priority];
        if (!port) port = read_once(control[vcpu].head[priority]);
        auto& word = reinterpret_cast<Atomic<u32>&>(words[port]);
        u32 seen = word.load();
        while (!word.compare_exchange(seen, seen & ~(fifo_linked | fifo_link_mask)))
            ;
        const u32 next = seen & fifo_link_mask;
        if (!next) guest_ready[vcpu] &= ~(u32{1} << priority);
        guest_head[vcpu][priority] = next;
        return port;
    }
    void take_ready(u32 vcpu) { guest_ready[vcpu] |= reinterpret_cast<Atomic<u32>&>(control[vcpu].ready).exchange(0); }
    bool ready(u32 vcpu, u32 priority) {
        take_ready(vcpu);
        return guest_ready[vcpu] & u32{1} << priority;
    }
    bool take_pending(u32 port) { return test_and_clear_bit(EVTCHN_FIFO_PENDING, &words[port]); }
};

} // namespace

TEST_CASE("FIFO: events arrive in order, the upcall is for the first only") {
    Machine m;
    CHECK(m.raise(5, 0, 7));
    CHECK_FALSE(m.raise(6, 0, 7));
    CHECK_FALSE(m.raise(9, 0, 7));
    CHECK_FALSE(m.raise(6, 0, 7)); // linked already
    CHECK(m.consume(0, 7) == 5);
    CHECK(m.consume(0, 7) == 6);
    CHECK(m.ready(0, 7));
    CHECK_FALSE(m.raise(5, 0, 7)); // behind 9, which is linked still
    CHECK(m.consume(0, 7) == 9);
    CHECK(m.consume(0, 7) == 5);
    CHECK_FALSE(m.ready(0, 7));
    CHECK(m.raise(9, 0, 7)); // the queue had run empty: head and upcall anew
}

TEST_CASE("FIFO: the same port again after it was taken") {
    Machine m;
    for (int i = 0; i < 3; ++i) {
        CHECK(m.raise(3, 1, 0));
        CHECK(m.consume(1, 0) == 3);
        CHECK_FALSE(m.ready(1, 0));
    }
}

TEST_CASE("FIFO: a port that moves to another queue leaves no trace in the old one") {
    Machine m;
    CHECK(m.raise(3, 0, 7));
    CHECK(m.consume(0, 7) == 3);
    CHECK(m.raise(3, 1, 2));
    CHECK(m.queues[0][7].tail == 0);
    CHECK(m.raise(4, 0, 7));
    CHECK(m.control[0].head[7] == 4);
    CHECK(m.consume(1, 2) == 3);
    CHECK(m.consume(0, 7) == 4);
}

TEST_CASE("FIFO: masked events are not linked") {
    Machine m;
    m.words[8] = u32{1} << EVTCHN_FIFO_MASKED;
    CHECK_FALSE(m.raise(8, 0, 7));
    CHECK_FALSE(m.ready(0, 7));
    CHECK(m.take_pending(8));
}

TEST_CASE("FIFO: set_link") {
    u32 word = fifo_linked | u32{1} << EVTCHN_FIFO_PENDING;
    CHECK(fifo_set_link(word, 77));
    CHECK(word == (fifo_linked | u32{1} << EVTCHN_FIFO_PENDING | 77));
    word = u32{1} << EVTCHN_FIFO_PENDING;
    CHECK_FALSE(fifo_set_link(word, 77));
    CHECK(word == u32{1} << EVTCHN_FIFO_PENDING);
    word = fifo_linked | fifo_busy | 5;
    CHECK(fifo_set_link(word, 6));
    CHECK(word == (fifo_linked | 6));
}

TEST_CASE("FIFO: random sends and takes never lose an event") {
    std::mt19937 random(GENERATE(1, 2, 3, 4));
    Machine m;
    std::set<u32> expected;
    std::map<u32, std::pair<u32, u32>> home;
    for (u32 port = 1; port < ports; ++port)
        home[port] = {random() % vcpus, random() % 3};
    for (int step = 0; step < 20000; ++step) {
        const u32 port = 1 + random() % (ports - 1);
        if (random() % 3 != 0) {
            if (random() % 50 == 0) home[port] = {random() % vcpus, random() % 3};
            m.raise(port, home[port].first, home[port].second);
            expected.insert(port);
        } else {
            const u32 vcpu = random() % vcpus, priority = random() % 3;
            if (m.ready(vcpu, priority)) {
                const u32 got = m.consume(vcpu, priority);
                REQUIRE(expected.erase(got) == (m.take_pending(got) ? 1U : 0U));
            }
        }
    }
    for (u32 vcpu = 0; vcpu < vcpus; ++vcpu)
        for (u32 priority = 0; priority < 3; ++priority)
            while (m.ready(vcpu, priority)) {
                const u32 got = m.consume(vcpu, priority);
                if (m.take_pending(got)) expected.erase(got);
            }
    CHECK(expected.empty());
}

TEST_CASE("FIFO: two senders and a consumer at once lose nothing") {
    Machine m;
    constexpr int rounds = 20000;
    Atomic<int> running{2};
    const auto sender = [&](u32 first) {
        for (int i = 0; i < rounds; ++i)
            m.raise(first + static_cast<u32>(i) % 4, 0, 7);
        running.fetch_sub(1);
    };
    std::thread a(sender, 1), b(sender, 3); // ports 3 and 4 are shared
    u64 taken = 0;
    const auto drain = [&] {
        while (m.ready(0, 7))
            taken += m.take_pending(m.consume(0, 7)) ? 1 : 0;
    };
    while (running.load())
        drain();
    a.join();
    b.join();
    drain();
    CHECK(taken > 0);
    for (u32 port = 1; port <= 6; ++port)
        CHECK((m.words[port] & (u32{1} << EVTCHN_FIFO_PENDING)) == 0);
}

TEST_CASE("FIFO: a guest that scribbles over its words cannot make the hypervisor spin or leave the table") {
    std::mt19937 random(7);
    Machine m;
    for (int step = 0; step < 20000; ++step) {
        m.words[random() % ports] = static_cast<u32>(random());
        m.control[0].head[7] = static_cast<u32>(random());
        m.raise(1 + random() % (ports - 1), random() % vcpus, random() % 16);
    }
    for (auto& vcpu : m.queues)
        for (auto& queue : vcpu)
            CHECK(queue.tail < ports);
}

TEST_CASE("2-level bits") {
    static shared_info_t shared;
    shared = {};
    vcpu_info_t info{};
    const TwoLevel bits{shared};
    const u32 port = 64 * 5 + 3;
    CHECK(bits.raise(port, info) == TwoLevel::Effect::upcall);
    CHECK(shared.evtchn_pending[5] == 8);
    CHECK(info.evtchn_pending_sel == 32);
    CHECK(bits.raise(port, info) == TwoLevel::Effect::none);
    CHECK(bits.raise(port + 1, info) == TwoLevel::Effect::pending); // the selector bit is up already
    bits.clear(port);
    CHECK(shared.evtchn_pending[5] == 16);

    info = {};
    shared.evtchn_mask[1] = 1;
    CHECK(bits.raise(64, info) == TwoLevel::Effect::pending);
    CHECK(info.evtchn_pending_sel == 0);
    CHECK(bits.masked(64));
    CHECK(bits.unmask(64, info) == TwoLevel::Effect::upcall);
    CHECK(info.evtchn_pending_sel == 2);
    CHECK(bits.unmask(64, info) == TwoLevel::Effect::none); // was not masked
    shared.evtchn_mask[1] = 2;
    CHECK(bits.unmask(65, info) == TwoLevel::Effect::none); // not pending
}
