// SPDX-License-Identifier: MIT
#include "net/ring.hpp"

#include <catch2/catch.hpp>

#include <memory>
#include <random>
#include <string>

using namespace hospes::xs;

namespace {

/// The guest's side of a ring.
struct Guest {
    xenstore_domain_interface page{};
    std::string received;

    std::size_t send(std::string_view bytes) {
        std::size_t n = 0;
        while (n < bytes.size() && page.req_prod - page.req_cons < XENSTORE_RING_SIZE)
            page.req[MASK_XENSTORE_IDX(page.req_prod++)] = bytes[n++];
        return n;
    }
    void receive(std::size_t limit = SIZE_MAX) {
        while (limit-- > 0 && page.rsp_cons != page.rsp_prod)
            received += page.rsp[MASK_XENSTORE_IDX(page.rsp_cons++)];
    }
};

std::string message(std::uint32_t type, std::uint32_t id, const std::string& payload) {
    const Header h{type, id, 0, static_cast<std::uint32_t>(payload.size())};
    return std::string(reinterpret_cast<const char*>(&h), sizeof h) + payload;
}

} // namespace

TEST_CASE("messages larger than the ring pass in both directions") {
    Guest g;
    auto slot = std::make_unique<Slot>();
    Ring ring(g.page, *slot, 3);
    CHECK(g.page.connection == XENSTORE_CONNECTED);
    CHECK(g.page.server_features == (XENSTORE_SERVER_FEATURE_RECONNECTION | XENSTORE_SERVER_FEATURE_ERROR));
    const std::string request = message(XS_WRITE, 5, std::string(payload_max, 'q'));
    std::size_t sent = 0;
    while (!ring.fetch())
        sent += g.send(std::string_view(request).substr(sent));
    CHECK(sent == request.size());
    CHECK(ring.header().req_id == 5);
    CHECK(ring.payload() == std::string(payload_max, 'q'));
    const std::string reply = message(XS_READ, 5, std::string(payload_max, 'r'));
    ring.prepare(0, reply);
    ring.finish();
    while (g.received.size() < reply.size()) {
        ring.push();
        g.receive();
    }
    CHECK(g.received == reply);
    ring.push();
    CHECK_FALSE(ring.staged());
    CHECK_FALSE(ring.fetch());
}

TEST_CASE("broken indices and oversized messages are faults that the guest can see") {
    const auto fault = [](auto&& spoil) {
        Guest g;
        auto slot = std::make_unique<Slot>();
        Ring ring(g.page, *slot, 3);
        ring.stage(message(XS_READ, 1, "x"));
        spoil(g);
        ring.fetch();
        ring.push();
        CHECK(g.page.error == static_cast<std::uint32_t>(ring.fault()));
        return ring.fault();
    };
    CHECK(fault([](Guest& g) { g.page.req_prod = 1025; }) == Ring::Fault::Index);
    CHECK(fault([](Guest& g) { g.page.rsp_cons = 5; }) == Ring::Fault::Index);
    CHECK(fault([](Guest& g) {
              const Header h{XS_READ, 1, 0, payload_max + 1};
              g.send({reinterpret_cast<const char*>(&h), sizeof h});
          }) == Ring::Fault::Protocol);
    CHECK(fault([](Guest&) {}) == Ring::Fault::None);
}

TEST_CASE("a reconnecting guest starts at index zero") {
    Guest g;
    auto slot = std::make_unique<Slot>();
    Ring ring(g.page, *slot, 3);
    g.send(message(XS_READ, 1, "abc").substr(0, 10));
    CHECK_FALSE(ring.fetch());
    g.page.connection = XENSTORE_RECONNECT;
    REQUIRE(ring.wants_reconnect());
    ring.reconnect();
    CHECK(g.page.connection == XENSTORE_CONNECTED);
    CHECK(g.page.req_prod == 0);
    g.send(message(XS_READ, 2, "z"));
    REQUIRE(ring.fetch());
    CHECK(ring.header().req_id == 2);
}

TEST_CASE("no request is lost or executed twice, wherever the daemon dies") {
    // A daemon that echoes. It "crashes" at random points; what it executed is counted by the
    // journal's position, as the real one's effects are.
    std::mt19937 rng(42);
    for (int run = 0; run < 200; ++run) {
        Guest g;
        auto slot = std::make_unique<Slot>();
        std::string wanted, to_send;
        for (std::uint32_t i = 0; i < 40; ++i) {
            const std::string m = message(XS_READ, i, std::string(rng() % 300, static_cast<char>('a' + i % 26)));
            to_send += m;
            wanted += m;
        }
        std::uint64_t journal = 0;
        std::uint32_t executed = 0;
        auto ring = std::make_unique<Ring>(g.page, *slot, 3);
        std::size_t sent = 0;
        for (int step = 0; g.received.size() < wanted.size(); ++step) {
            REQUIRE(step < 100000);
            sent += g.send(std::string_view(to_send).substr(sent, rng() % 200));
            g.receive(rng() % 200);
            if (rng() % 5 == 0) {
                ring = std::make_unique<Ring>(Ring::resume(g.page, *slot, journal));
                continue;
            }
            ring->push();
            if (!ring->room() || !ring->fetch()) continue;
            const std::uint32_t id = ring->header().req_id;
            const std::string reply = message(XS_READ, id, std::string(ring->payload()));
            if (rng() % 7 == 0) continue; // dies before it did anything
            ring->prepare(journal + 1, reply);
            if (rng() % 7 == 0) { // dies before the commit
                ring = std::make_unique<Ring>(Ring::resume(g.page, *slot, journal));
                continue;
            }
            ++journal;
            REQUIRE(id == executed++);
            if (rng() % 7 == 0) { // dies after it
                ring = std::make_unique<Ring>(Ring::resume(g.page, *slot, journal));
                continue;
            }
            ring->finish();
        }
        CHECK(g.received == wanted);
        CHECK(executed == 40);
    }
}
