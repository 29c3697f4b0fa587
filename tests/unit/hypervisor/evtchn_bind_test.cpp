// SPDX-License-Identifier: MIT
// Binding, sending and closing of event channels between two domains: every state, every refusal, and that whatever
// is opened and closed in whatever order keeps both ends agreeing and gives every reference back.
#include <catch2/catch.hpp>
#include <map>
#include <random>

#include "core/domain/table.hpp"
#include "core/evtchn/bind.hpp"
#include "core/evtchn/two_level.hpp"
#include "core/evtchn/virq.hpp"
#include "irq/irq.hpp"
#include "machine.hpp"

// The ABI's structures have the names of our functions: inside the namespace ours win.
namespace hv {

// What lies beyond the family: interrupts of the machine and the scheduler.
bool pirq_valid(const Domain&, u32 pirq) { return pirq < 16; }
Status pirq_bind(Vcpu&, u32 pirq, Port, bool) { return pirq == 9 ? Status{Errno::busy} : Status{}; }
void pirq_unbind(Domain&, u32) {}
void pirq_set_affinity(Domain&, u32, const Vcpu&) {}
void vcpu_unblock(Vcpu&) {}
void vcpu_kick(Vcpu&) {}

namespace {

struct Guest {
    explicit Guest(u16 id) : domain(hvtest::new_domain(id, 64)) {
        domain.shared_info = static_cast<shared_info_t*>(alloc_pages());
        vcpu().info = &domain.shared_info->vcpu_info[0];
        REQUIRE(evtchn_domain_create(domain, 1000).ok());
        REQUIRE(domain_table_reserve(domain.id).ok());
        REQUIRE(domain_table_insert(domain));
    }
    Guest(const Guest&) = delete;
    Guest& operator=(const Guest&) = delete;
    ~Guest() {
        domain.dying.store(Domain::Dying::dying);
        hvtest::machine.preempt_after = 2;
        for (Status status; !(status = evtchn_domain_relinquish(domain)).ok();)
            REQUIRE(status.error() == Errno::restart);
        CHECK(domain.refs.load() == 1);
        domain_table_remove(domain);
        evtchn_domain_destroy(domain);
        free_pages(domain.shared_info);
        hvtest::end_domain(domain);
    }
    Vcpu& vcpu() { return *domain.vcpus[0]; }
    /// The calls below are this guest's.
    Guest& runs() {
        cpu_info().current = &vcpu();
        return *this;
    }
    u32 unbound(u16 remote) {
        runs();
        evtchn_alloc_unbound_t op{DOMID_SELF, remote, 0};
        return evtchn_alloc_unbound(op).ok() ? op.port : 0;
    }
    Result<u32> connect(u16 remote, u32 port) {
        runs();
        evtchn_bind_interdomain_t op{remote, port, 0};
        if (const Status status = evtchn_bind_interdomain(op); !status.ok()) return status.error();
        return op.local_port;
    }
    Status close(u32 port) { return evtchn_close(runs().domain, Port{port}, true); }
    bool take(u32 port) {
        const TwoLevel bits{*domain.shared_info};
        const bool was = bits.pending(port);
        bits.clear(port);
        domain.shared_info->vcpu_info[0] = {};
        return was;
    }
    u16 status(u32 port) {
        runs();
        evtchn_status_t op{DOMID_SELF, port, 0, 0, {}};
        return evtchn_status(op).ok() ? static_cast<u16>(op.status) : u16{0xffff};
    }
    u32 open_ports() {
        u32 n = 0;
        for (u32 port = 1; port < domain.evtchn->valid_ports.load(); ++port)
            n += domain.evtchn->at(port).bound();
        return n;
    }
    Domain& domain;
};

} // namespace

TEST_CASE("event channels: two domains connect, talk and part", "[evtchn]") {
    Guest a(1), b(2);
    const u32 there = a.unbound(2);
    REQUIRE(there != 0);
    CHECK(a.status(there) == EVTCHNSTAT_unbound);
    CHECK(evtchn_send(a.domain, Port{there}).ok()); // nobody listens yet: no mistake of the sender's
    const u32 here = b.connect(1, there).value();
    CHECK(b.take(here)); // the new end looks once
    CHECK(a.status(there) == EVTCHNSTAT_interdomain);
    CHECK(a.domain.refs.load() == 2);
    CHECK(b.domain.refs.load() == 2);
    CHECK(evtchn_send(b.domain, Port{here}).ok());
    CHECK(a.take(there));
    CHECK_FALSE(b.take(here));
    CHECK(evtchn_send(a.domain, Port{there}).ok());
    CHECK(b.take(here));
    CHECK(b.connect(1, there).error() == Errno::inval); // taken
    CHECK(b.close(here).ok());
    CHECK(b.status(here) == EVTCHNSTAT_closed);
    CHECK(a.status(there) == EVTCHNSTAT_unbound); // as it was: the far end may come back
    CHECK(a.domain.refs.load() == 1);
    CHECK(b.domain.refs.load() == 1);
    CHECK(evtchn_send(a.domain, Port{there}).ok());
    CHECK(evtchn_send(b.domain, Port{here}).error() == Errno::inval);
    CHECK(b.connect(1, there).ok());
}

TEST_CASE("event channels: what is refused leaves no port, no reference, no event", "[evtchn]") {
    Guest a(1), b(2), c(3);
    const u32 for_b = a.unbound(2);
    for (const u32 port : {u32{0}, for_b + 1, u32{1000}, u32{4095}, ~u32{0}})
        CHECK(b.connect(1, port).error() == Errno::inval);
    CHECK(c.connect(1, for_b).error() == Errno::inval); // somebody else's
    CHECK(b.connect(77, for_b).error() == Errno::srch);
    CHECK(b.open_ports() == 0);
    CHECK(c.open_ports() == 0);
    CHECK(a.domain.refs.load() == 1);
    CHECK_FALSE(a.take(for_b));
    a.domain.dying.store(Domain::Dying::dying);
    CHECK(b.connect(1, for_b).error() == Errno::inval);
    CHECK(a.unbound(2) == 0);
    CHECK(b.open_ports() == 0);

    // A domain that is not privileged makes ports of its own only.
    b.runs();
    evtchn_alloc_unbound_t foreign{3, DOMID_SELF, 0};
    CHECK_FALSE(evtchn_alloc_unbound(foreign).ok());
    evtchn_status_t status{3, 1, 0, 0, {}};
    CHECK_FALSE(evtchn_status(status).ok());
    CHECK(c.open_ports() == 0);
    for (const u32 port : {u32{0}, u32{5}, u32{100000}, ~u32{0}}) {
        CHECK(b.close(port).error() == Errno::inval);
        CHECK(evtchn_send(b.domain, Port{port}).error() == Errno::inval);
    }
}

TEST_CASE("event channels: a domain connected to itself", "[evtchn]") {
    Guest a(1);
    const u32 first = a.unbound(DOMID_SELF), second = a.connect(DOMID_SELF, first).value();
    CHECK(a.domain.refs.load() == 3);
    a.take(second);
    CHECK(evtchn_send(a.domain, Port{first}).ok());
    CHECK(a.take(second));
    CHECK_FALSE(a.take(first));
    CHECK(a.close(first).ok());
    CHECK(a.status(second) == EVTCHNSTAT_unbound);
    CHECK(a.domain.refs.load() == 1);
}

TEST_CASE("event channels: VIRQs are bound once, to the vCPU that they belong to", "[evtchn]") {
    Guest a(1);
    const Port timer = evtchn_bind_virq(a.domain, VIRQ_TIMER, 0).value();
    CHECK(evtchn_bind_virq(a.domain, VIRQ_TIMER, 0).error() == Errno::exist);
    CHECK(evtchn_bind_virq(a.domain, VIRQ_TIMER, 1).error() == Errno::no_ent);
    CHECK(evtchn_bind_virq(a.domain, VIRQ_DOM_EXC, 1).error() == Errno::inval);
    CHECK(evtchn_bind_virq(a.domain, NR_VIRQS, 0).error() == Errno::inval);
    CHECK(evtchn_bind_virq(a.domain, ~u32{0}, 0).error() == Errno::inval);
    evtchn_send_virq(a.vcpu(), VIRQ_TIMER);
    CHECK(a.take(timer.raw()));
    CHECK(evtchn_send(a.domain, timer).error() == Errno::inval); // not the guest's to send
    CHECK(a.status(timer.raw()) == EVTCHNSTAT_virq);
    CHECK(a.close(timer.raw()).ok());
    evtchn_send_virq(a.vcpu(), VIRQ_TIMER);
    CHECK_FALSE(a.take(timer.raw()));
    CHECK(evtchn_bind_virq(a.domain, VIRQ_TIMER, 0).ok());

    REQUIRE(evtchn_set_global_virq_handler(a.domain, VIRQ_DOM_EXC).ok());
    CHECK(a.domain.refs.load() == 2);
    const Port global = evtchn_bind_virq(a.domain, VIRQ_DOM_EXC, 0).value();
    evtchn_send_global_virq(VIRQ_DOM_EXC);
    CHECK(a.take(global.raw()));
    REQUIRE(evtchn_set_global_virq_handler(a.domain, VIRQ_DOM_EXC).ok()); // again: the old reference goes
    CHECK(a.domain.refs.load() == 2);
    CHECK(evtchn_set_global_virq_handler(a.domain, VIRQ_TIMER).error() == Errno::inval);
}

TEST_CASE("event channels: IPIs and interrupts of the machine", "[evtchn]") {
    Guest a(1);
    const Port ipi = evtchn_bind_ipi(a.domain, 0).value();
    CHECK(evtchn_bind_ipi(a.domain, 1).error() == Errno::no_ent);
    CHECK(evtchn_send(a.domain, ipi).ok());
    CHECK(a.take(ipi.raw()));
    a.runs();
    evtchn_bind_vcpu_t move{ipi.raw(), 0};
    CHECK(evtchn_bind_vcpu(move).error() == Errno::inval); // an IPI is its vCPU's

    evtchn_bind_pirq_t pirq{3, 0, 0};
    CHECK(evtchn_bind_pirq(pirq).error() == Errno::perm);
    REQUIRE(a.domain.irqs_allowed.add(0, 15).ok());
    CHECK(evtchn_bind_pirq(pirq).ok());
    const u32 bound = pirq.port;
    CHECK(evtchn_bind_pirq(pirq).error() == Errno::exist);
    evtchn_bind_pirq_t busy{9, 0, 0}, none{16, 0, 0};
    const u32 open = a.open_ports();
    CHECK(evtchn_bind_pirq(busy).error() == Errno::busy);
    CHECK(evtchn_bind_pirq(none).error() == Errno::inval);
    CHECK(a.open_ports() == open);
    CHECK(evtchn_send_pirq(a.domain, Port{bound}));
    CHECK(a.take(bound));
    CHECK_FALSE(evtchn_send_pirq(a.domain, ipi));
    CHECK(a.close(bound).ok());
    CHECK_FALSE(evtchn_send_pirq(a.domain, Port{bound}));
    CHECK(a.domain.evtchn->pirq_ports == 0);
}

static unsigned told;

TEST_CASE("event channels: the hypervisor's own ends are out of the guest's reach", "[evtchn]") {
    Guest a(1), b(2);
    told = 0;
    const Port ours = evtchn_alloc_unbound_xen(a.domain, 0, Domid{2}, [](Vcpu&, Port) { ++told; }).value();
    CHECK(a.close(ours.raw()).error() == Errno::inval);
    CHECK(evtchn_send(a.domain, ours).error() == Errno::inval);
    CHECK(a.status(ours.raw()) == EVTCHNSTAT_closed);
    const u32 theirs = b.connect(1, ours.raw()).value();
    b.take(theirs);
    CHECK(evtchn_send(b.domain, Port{theirs}).ok());
    CHECK(told == 1);
    CHECK_FALSE(a.take(ours.raw()));
    evtchn_notify_xen(a.domain, ours);
    CHECK(b.take(theirs));
    evtchn_free_xen(a.domain, ours);
    CHECK(b.status(theirs) == EVTCHNSTAT_unbound);
    CHECK(b.domain.refs.load() == 1);
    CHECK(a.domain.refs.load() == 1);
}

TEST_CASE("event channels: ports run out, come back and are limited", "[evtchn]") {
    Guest a(1);
    u32 count = 0, last = 0;
    while (const u32 port = a.unbound(2)) {
        last = port;
        REQUIRE(++count <= 1000);
    }
    CHECK(last == 1000); // the limit of the control domain; port 0 is nobody's
    CHECK(count == 1000);
    CHECK(a.close(500).ok());
    CHECK(a.unbound(2) == 500);
    CHECK(a.unbound(2) == 0);
}

TEST_CASE("event channels: any order of opening and closing keeps both ends in agreement", "[evtchn]") {
    std::mt19937 random(GENERATE(1, 2, 3));
    Guest a(1), b(2);
    Guest* const guests[] = {&a, &b};
    const auto check = [&] {
        u32 held[2] = {1, 1}; // references that each domain must have
        for (unsigned i = 0; i < 2; ++i) {
            Domain& domain = guests[i]->domain;
            for (u32 port = 1; port < domain.evtchn->valid_ports.load(); ++port) {
                const Channel& near = domain.evtchn->at(port);
                if (near.state() != PortState::interdomain) continue;
                const Channel& far = near.remote().evtchn->at(near.remote_port().raw());
                REQUIRE(far.state() == PortState::interdomain);
                REQUIRE(&far.remote() == &domain);
                REQUIRE(far.remote_port().raw() == port);
                ++held[&near.remote() == &a.domain ? 0 : 1];
            }
        }
        REQUIRE(a.domain.refs.load() == held[0]);
        REQUIRE(b.domain.refs.load() == held[1]);
    };
    for (int step = 0; step < 3000; ++step) {
        Guest& actor = *guests[random() % 2];
        const u32 port = random() % 40;
        switch (random() % 7) {
        case 0: actor.unbound(static_cast<u16>(1 + random() % 2)); break;
        case 1:
        case 2: static_cast<void>(actor.connect(static_cast<u16>(1 + random() % 2), port)); break;
        case 3: static_cast<void>(evtchn_bind_ipi(actor.domain, 0)); break;
        case 4: static_cast<void>(evtchn_send(actor.runs().domain, Port{port})); break;
        default: static_cast<void>(actor.close(port)); break;
        }
        if (step % 20 == 0) check();
        if (step % 1000 == 999) { // EVTCHNOP_reset closes all of one side
            while (!evtchn_reset(actor.runs().domain, true).ok())
                continue;
            REQUIRE(actor.open_ports() == 0);
            check();
        }
    }
}

} // namespace hv
