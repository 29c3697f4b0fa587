// SPDX-License-Identifier: MIT
// The daemon as a whole: sockets, rings and event channels, crash and restart, live update.
#include <catch2/catch.hpp>

#include <algorithm>

#include "engine/engine.hpp"
#include "world.hpp"

using namespace hospes::xs;
using namespace hospes::xs::test;

namespace {

const std::string ok = "OK\0"s;
const std::string home = "/local/domain/5";

/// A daemon with one guest that has a home.
struct OneGuest : World {
    OneGuest() {
        start();
        machine.add(5);
        Caller c(*this);
        REQUIRE(c.introduce(5) == ok);
        c.write(home, "");
        c.call(XS_SET_PERMS, home + "\0n5\0"s);
    }
    Message watch_event(const std::string& path, const std::string& token) const {
        return {XS_WATCH_EVENT, 0, 0, path + '\0' + token + '\0'};
    }
};

bool holds(const std::vector<Message>& all, const Message& one) {
    return std::find(all.begin(), all.end(), one) != all.end();
}

} // namespace

TEST_CASE("a socket client, the control domain's kernel and a guest share one store") {
    OneGuest w;
    Caller c(w);
    CHECK(w.machine.domains.at(0)->notified > 0); // the kernel waits for this
    CHECK(w.ask(5, {XS_WRITE, 1, 0, "data\0v"s}) == Message{XS_WRITE, 1, 0, ok});
    CHECK(c.read(home + "/data") == "v");
    CHECK(w.ask(0, {XS_READ, 9, 0, home + "/data\0"s}).payload == "v");
    CHECK(w.ask(5, {XS_READ, 2, 0, "/tool/xenstored\0"s}).payload == "EACCES\0"s);
    CHECK(w.ask(0, {XS_WATCH, 1, 0, home + "\0tok\0"s}).payload == ok);
    CHECK(holds(w.taken(0), w.watch_event(home, "tok")));
    w.ask(5, {XS_WRITE, 3, 0, "data\0w"s});
    CHECK(holds(w.taken(0), w.watch_event(home + "/data", "tok")));
}

TEST_CASE("an oversized message ends a socket's connection and nothing else") {
    OneGuest w;
    Caller bad(w), good(w);
    const Header h{XS_READ, 1, 0, payload_max + 1};
    bad.send({reinterpret_cast<const char*>(&h), sizeof h});
    CHECK_FALSE(bad.next());
    CHECK(bad.closed);
    CHECK(good.write("/x", "1") == ok);
}

TEST_CASE("requests that arrive in pieces, or many at once, are answered in order") {
    OneGuest w;
    Caller c(w);
    std::string all;
    for (std::uint32_t i = 0; i < 300; ++i)
        all += encode({XS_WRITE, i, 0, "/n" + std::to_string(i) + '\0' + std::string(i, 'v')});
    for (std::size_t at = 0; at < all.size(); at += 1000) {
        c.send(std::string_view(all).substr(at, 1000));
        w.turn();
    }
    for (std::uint32_t i = 0; i < 300; ++i)
        REQUIRE(c.next() == Message{XS_WRITE, i, 0, ok});
    CHECK(c.read("/n299") == std::string(299, 'v'));
}

TEST_CASE("a domain's death is noticed by the exception event, and announced") {
    OneGuest w;
    Caller c(w);
    c.call(XS_WATCH, "@releaseDomain\0r\0"s);
    c.next();
    w.machine.domains.at(5)->status.shut_down = true;
    w.machine.raise(w.machine.exception_port);
    CHECK(c.next() == w.watch_event("@releaseDomain", "r"));
    w.machine.domains.at(5)->status.exists = false;
    w.machine.raise(w.machine.exception_port);
    CHECK(c.next() == w.watch_event("@releaseDomain", "r"));
    CHECK(c.call(XS_IS_DOMAIN_INTRODUCED, "5\0"s) == "F\0"s);
    CHECK(c.read(home) == "ENOENT");
}

TEST_CASE("a guest that writes garbage into its ring is cut off alone and may reconnect") {
    OneGuest w;
    w.machine.add(6);
    Caller c(w);
    REQUIRE(c.introduce(6) == ok);
    FakeDomain& bad = *w.machine.domains.at(5);
    bad.page.req_prod = bad.page.req_cons + 5000;
    w.kick(5);
    CHECK(bad.page.error == XENSTORE_ERROR_RINGIDX);
    CHECK(w.ask(6, {XS_GET_DOMAIN_PATH, 1, 0, "6\0"s}).payload == "/local/domain/6\0"s);
    CHECK(c.write("/x", "1") == ok);
    bad.page.connection = XENSTORE_RECONNECT;
    w.kick(5);
    CHECK(bad.page.error == XENSTORE_ERROR_NONE);
    CHECK(bad.page.connection == XENSTORE_CONNECTED);
    CHECK(w.ask(5, {XS_WRITE, 2, 0, "data\0v"s}).payload == ok);
}

TEST_CASE("a guest that never reads its answers gets a bounded number and stalls nobody") {
    OneGuest w;
    Caller c(w);
    FakeDomain& deaf = *w.machine.domains.at(5);
    unsigned taken = 0;
    for (std::uint32_t i = 0; i < 500; ++i) {
        const std::string request = encode({XS_READ, i, 0, "@@\0"s});
        if (deaf.page.req_prod - deaf.page.req_cons + request.size() > XENSTORE_RING_SIZE) break;
        deaf.send(request);
        w.machine.raise(deaf.port);
        w.turn();
        ++taken;
    }
    const unsigned ring_holds = XENSTORE_RING_SIZE / sizeof(Header);
    CHECK(taken <= ring_holds * 2 + w.server->engine().quotas.outstanding);
    CHECK(c.write("/x", "1") == ok);
    w.taken(5); // it reads at last, and all goes on
    for (int i = 0; i < 50; ++i)
        w.taken(5);
    CHECK(w.ask(5, {XS_WRITE, 9999, 0, "data\0v"s}).id == 9999);
}

TEST_CASE("after a crash guests and the control domain's kernel go on") {
    OneGuest w;
    CHECK(w.ask(5, {XS_WATCH, 1, 0, "data\0tok\0"s}).payload == ok);
    CHECK(w.ask(0, {XS_WATCH, 1, 0, home + "\0back\0"s}).payload == ok);
    w.taken(5);
    w.taken(0);
    const std::uint32_t tx =
        static_cast<std::uint32_t>(std::stoul(w.ask(0, {XS_TRANSACTION_START, 2, 0, "\0"s}).payload));
    CHECK(w.ask(0, {XS_WRITE, 3, tx, home + "/from-tx\0x"s}).payload == ok);
    w.machine.domains.at(5)->send(encode({XS_WRITE, 2, 0, "data\0v"s})); // not yet seen by the daemon
    w.crash();
    w.start();
    w.kick(5);
    // Whoever watched is told once, for what may have been lost.
    CHECK(holds(w.taken(5), w.watch_event("data", "tok")));
    CHECK(holds(w.taken(0), w.watch_event(home, "back")));
    // The open transaction is over; its owner tries again.
    CHECK(w.ask(0, {XS_TRANSACTION_END, 4, tx, "T\0"s}).payload == "EAGAIN\0"s);
    Caller c(w);
    CHECK(c.read(home + "/data") == "v");
    CHECK(c.read(home + "/from-tx") == "ENOENT");
    CHECK(c.call(XS_IS_DOMAIN_INTRODUCED, "5\0"s) == "T\0"s);
}

TEST_CASE("a domain that died while the daemon was down is released at the start") {
    OneGuest w;
    w.crash();
    w.machine.domains.erase(5);
    w.start();
    Caller c(w);
    CHECK(c.call(XS_IS_DOMAIN_INTRODUCED, "5\0"s) == "F\0"s);
    CHECK(c.read(home) == "ENOENT");
    w.machine.add(5);
    CHECK(c.introduce(5) == ok);
}

TEST_CASE("a live update loses no request, watch or transaction") {
    OneGuest w;
    Caller c(w), watcher(w);
    watcher.call(XS_WATCH, "/x\0t\0"s);
    CHECK(watcher.next() == w.watch_event("/x", "t"));
    const std::uint32_t tx = c.begin();
    CHECK(c.write("/x", "from tx", tx) == ok);
    const std::uint32_t guest_tx =
        static_cast<std::uint32_t>(std::stoul(w.ask(5, {XS_TRANSACTION_START, 2, 0, "\0"s}).payload));
    CHECK(w.ask(5, {XS_WRITE, 3, guest_tx, "data\0g"s}).payload == ok);
    CHECK(w.ask(5, {XS_WATCH, 4, 0, "seen\0gt\0"s}).payload == ok);
    w.taken(5);
    const std::string half = encode({XS_READ, 77, 0, "/tool/xenstored\0"s});
    c.send(half.substr(0, 20));
    w.turn();
    w.machine.domains.at(5)->send(half.substr(0, 20));
    w.kick(5);
    w.live_update();
    c.send(std::string_view(half).substr(20));
    CHECK(c.next() == Message{XS_READ, 77, 0, ""});
    w.machine.domains.at(5)->send(std::string_view(half).substr(20));
    CHECK(holds(w.taken(5), Message{XS_ERROR, 77, 0, "EACCES\0"s}));
    CHECK(c.commit(tx) == ok);
    CHECK(watcher.next() == w.watch_event("/x", "t"));
    CHECK(w.ask(5, {XS_TRANSACTION_END, 5, guest_tx, "T\0"s}).payload == ok);
    CHECK(c.write(home + "/seen", "1") == ok);
    CHECK(holds(w.taken(5), w.watch_event("seen", "gt")));
    CHECK(c.begin() != tx);
    Caller fresh(w);
    CHECK(fresh.read(home + "/data") == "g");
    CHECK(fresh.call(XS_CONTROL, "check\0"s) == ok);
    w.crash(); // and the state after it survives as before
    w.start();
    Caller last(w);
    CHECK(last.read("/x") == "from tx");
}
