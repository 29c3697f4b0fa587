// SPDX-License-Identifier: MIT
#include "engine/transaction.hpp"

#include <catch2/catch.hpp>

#include <map>
#include <random>

#include "fake_client.hpp"

using namespace hospes::xs;
using namespace hospes::xs::test;

namespace {

struct Two : Fixture {
    Client other{engine, engine.connect_socket()};
    Two() {
        dom0.write("/a", "1");
        dom0.write("/b", "1");
        dom0.mkdir("/dir");
    }
};

} // namespace

TEST_CASE("a transaction sees its own snapshot and its own changes") {
    Two f;
    const std::uint32_t tx = f.dom0.begin();
    REQUIRE(tx != 0);
    CHECK(f.dom0.write("/a", "tx", tx) == ok);
    CHECK(f.dom0.read("/a", tx) == "tx");
    CHECK(f.other.read("/a") == "1");
    f.other.write("/b", "2");
    CHECK(f.dom0.read("/b", tx) == "1");
    CHECK(f.dom0.abort(tx) == ok);
    CHECK(f.dom0.read("/a") == "1");
    CHECK(f.dom0.read("/a", tx) == "ENOENT");
    CHECK(f.dom0.commit(tx) == "ENOENT");
}

TEST_CASE("commit fires each change once it is visible") {
    Two f;
    f.other.watch("/", "t");
    f.other.events();
    const std::uint32_t tx = f.dom0.begin();
    f.dom0.write("/a", "2", tx);
    f.dom0.mkdir("/new/dir", tx);
    f.dom0.rm("/b", tx);
    f.dom0.chmod("/dir", "r0", tx);
    CHECK(f.other.events().empty());
    CHECK(f.dom0.commit(tx) == ok);
    CHECK(f.other.event_paths() == "/a,/new/dir,/b,/dir");
    CHECK(f.other.read("/a") == "2");
    CHECK(f.other.read("/b") == "ENOENT");
    CHECK(f.other.perms("/dir") == "r0");
}

TEST_CASE("what conflicts and what does not") {
    // Each row: what the transaction does, what somebody else does meanwhile, the verdict.
    using Act = std::function<void(Client&, std::uint32_t)>;
    struct Row {
        const char* name;
        Act inside, outside;
        bool conflict;
    };
    const auto reads = [](const char* p) { return Act([p](Client& c, std::uint32_t t) { c.read(p, t); }); };
    const auto writes = [](const char* p, const char* v) {
        return Act([p, v](Client& c, std::uint32_t t) { c.write(p, v, t); });
    };
    const auto lists = [](const char* p) { return Act([p](Client& c, std::uint32_t t) { c.ls(p, t); }); };
    const auto removes = [](const char* p) { return Act([p](Client& c, std::uint32_t t) { c.rm(p, t); }); };
    const auto chmods = [](const char* p) { return Act([p](Client& c, std::uint32_t t) { c.chmod(p, "r0", t); }); };
    const auto asks = [](const char* p) { return Act([p](Client& c, std::uint32_t t) { c.perms(p, t); }); };
    const Row rows[] = {
        {"read a changed value", reads("/a"), writes("/a", "2"), true},
        {"read another value", reads("/a"), writes("/b", "2"), false},
        {"read, rewritten with the same value", reads("/a"), writes("/a", "1"), false},
        {"read a removed node", reads("/a"), removes("/a"), true},
        {"read an absent node that appears", reads("/dir/x"), writes("/dir/x", ""), true},
        {"list, a child appears", lists("/dir"), writes("/dir/x", ""), true},
        {"list, a grandchild appears", lists("/"), writes("/dir/x", ""), false},
        {"list, a value changes", lists("/dir"), writes("/dir", "v"), false},
        {"read perms that change", asks("/a"), chmods("/a"), true},
        {"read a value whose perms change", reads("/a"), chmods("/a"), false},
        {"blind write against write", writes("/a", "t"), writes("/a", "2"), false},
        {"write to a removed node", writes("/a", "t"), removes("/a"), true},
        {"create siblings", writes("/dir/x", "t"), writes("/dir/y", ""), false},
        {"create the same", writes("/dir/x", "t"), writes("/dir/x", "2"), true},
        {"remove what is written", removes("/a"), writes("/a", "2"), false},
        {"chmod against chmod", chmods("/a"), Act([](Client& c, std::uint32_t t) { c.chmod("/a", "w0", t); }), true},
    };
    for (const Row& row : rows) {
        for (const bool nested : {false, true}) {
            CAPTURE(row.name, nested);
            Two f;
            const std::uint32_t tx = f.dom0.begin();
            row.inside(f.dom0, tx);
            f.dom0.write("/marker", "x", tx);
            if (nested) {
                const std::uint32_t theirs = f.other.begin();
                row.outside(f.other, theirs);
                CHECK(f.other.commit(theirs) == ok);
            } else {
                row.outside(f.other, 0);
            }
            CHECK(f.dom0.commit(tx) == (row.conflict ? "EAGAIN" : ok));
            CHECK(f.dom0.read("/marker") == (row.conflict ? "ENOENT" : "x"));
        }
    }
}

TEST_CASE("a transaction that only read always ends well") {
    Two f;
    const std::uint32_t tx = f.dom0.begin();
    f.dom0.read("/a", tx);
    f.other.write("/a", "2");
    CHECK(f.dom0.commit(tx) == ok);
}

TEST_CASE("transaction requests that make no sense") {
    Two f;
    const std::uint32_t tx = f.dom0.begin();
    CHECK(f.dom0.call(XS_TRANSACTION_START, "\0"s, tx) == "EBUSY");
    CHECK(f.dom0.call(XS_TRANSACTION_START, "\0"s, 99) == "ENOENT");
    CHECK(f.dom0.call(XS_TRANSACTION_END, "X\0"s, tx) == "EINVAL");
    CHECK(f.dom0.call(XS_TRANSACTION_END, "T"s, tx) == "EINVAL");
    CHECK(f.dom0.call(XS_TRANSACTION_END, "T\0"s, 0) == "ENOENT");
    CHECK(f.other.read("/a", tx) == "ENOENT"); // ids belong to their connection
    CHECK(f.dom0.commit(tx) == ok);
    CHECK(f.dom0.begin() != tx);
}

TEST_CASE("guests commit with the rights they have at commit") {
    Two f;
    Client guest = f.guest(1);
    f.dom0.mkdir("/s");
    f.dom0.chmod("/s", "n0,b1");
    const std::uint32_t tx = guest.begin();
    CHECK(guest.write("/s/x", "1", tx) == ok);
    f.dom0.chmod("/s", "n0");
    CHECK(guest.commit(tx) == "EAGAIN");
    CHECK(f.dom0.read("/s/x") == "ENOENT");
}

TEST_CASE("accounts stay right through commits, merges and aborts") {
    Two f;
    Client guest = f.guest(1);
    std::mt19937 rng(3);
    for (int i = 0; i < 300; ++i) {
        const std::uint32_t tx = guest.begin();
        for (int k = 0; k < 4; ++k) {
            const std::string p = "n" + std::to_string(rng() % 9) + "/m" + std::to_string(rng() % 3);
            if (rng() % 3 == 0)
                guest.rm(p, tx);
            else
                guest.write(p, std::string(rng() % 30, 'v'), tx);
        }
        if (rng() % 2) guest.write("n" + std::to_string(rng() % 9) + "/m0", "outside");
        if (rng() % 4 == 0)
            guest.abort(tx);
        else
            guest.commit(tx);
        REQUIRE(f.dom0.call(XS_CONTROL, "check\0"s) == ok);
    }
    guest.rm("/local/domain/1");
    f.dom0.rm("/local/domain/1");
    CHECK(f.engine.domains().at(1).nodes == 0);
    CHECK(f.engine.domains().at(1).bytes == 0);
}

TEST_CASE("a transaction that keeps losing wins in the end, others only wait where they clash") {
    Two f;
    std::uint32_t tx = 0;
    const auto attempt = [&] {
        tx = f.dom0.begin();
        f.dom0.read("/a", tx);
        f.dom0.write("/result", "x", tx);
    };
    for (int lost = 0; lost < 2; ++lost) {
        attempt();
        CHECK(f.other.write("/a", std::to_string(lost + 10)) == ok);
        CHECK(f.dom0.commit(tx) == "EAGAIN");
    }
    attempt();
    CHECK(f.other.write("/a", "blocked") == "DEFERRED");
    CHECK(f.other.rm("/a") == "DEFERRED");
    CHECK(f.other.chmod("/a", "r0") == "DEFERRED");
    CHECK(f.other.write("/b", "free") == ok);
    CHECK(f.other.read("/a") == "11");
    CHECK_FALSE(f.engine.resumable());
    const std::uint32_t theirs = f.other.begin();
    f.other.write("/a", "blocked", theirs);
    CHECK(f.other.commit(theirs) == "DEFERRED");
    CHECK(f.dom0.commit(tx) == ok);
    CHECK(f.engine.resumable());
    CHECK_FALSE(f.engine.resumable());
    CHECK(f.other.write("/a", "now") == ok);
    CHECK(f.dom0.read("/result") == "x");
}

TEST_CASE("a guard ends with time, with its holder, and is rationed for guests") {
    Two f;
    Client guest = f.guest(1);
    guest.write("x", "1");
    f.dom0.chmod("/local/domain/1/x", "b1");
    std::uint64_t now = 1000;
    f.engine.set_now(now);
    const auto lose = [&] {
        for (int i = 0; i < 2; ++i) {
            const std::uint32_t tx = guest.begin();
            guest.read("x", tx);
            guest.write("y", "1", tx);
            f.dom0.write("/local/domain/1/x", std::to_string(now++));
            CHECK(guest.commit(tx) == "EAGAIN");
        }
    };
    lose();
    guest.begin();
    CHECK(f.dom0.write("/local/domain/1/x", "2") == "DEFERRED");
    f.engine.set_now(now += Guard::unprivileged_ms);
    CHECK(f.engine.resumable());
    CHECK(f.dom0.write("/local/domain/1/x", "2") == ok);
    guest.call(XS_RESET_WATCHES, "\0"s);
    lose();
    const std::uint32_t tx = guest.begin();
    CHECK(f.dom0.write("/local/domain/1/x", "3") == ok); // too soon for another guard
    guest.abort(tx);
    f.engine.set_now(now += Guard::unprivileged_ms * (Guard::pause_factor + 1));
    guest.begin();
    CHECK(f.dom0.write("/local/domain/1/x", "4") == "DEFERRED");
    f.engine.domain_status(1, {false, false});
    CHECK(f.engine.resumable());
    CHECK(f.dom0.write("/local/domain/1/x", "4") == ok);
}

TEST_CASE("random transactions are serialisable: a counter loses no increment") {
    Fixture f;
    f.dom0.write("/counter", "0");
    std::vector<Client> clients;
    for (int i = 0; i < 5; ++i)
        clients.emplace_back(f.engine, f.engine.connect_socket());
    std::map<int, std::pair<std::uint32_t, int>> open;
    std::mt19937 rng(5);
    int committed = 0;
    for (int step = 0; step < 5000; ++step) {
        f.engine.set_now(static_cast<std::uint64_t>(step));
        const int who = static_cast<int>(rng() % clients.size());
        Client& c = clients[static_cast<std::size_t>(who)];
        if (!open.count(who)) {
            const std::uint32_t tx = c.begin();
            const int seen = std::stoi(c.read("/counter", tx));
            c.write("/counter", std::to_string(seen + 1), tx);
            open[who] = {tx, seen};
        } else {
            const std::string verdict = c.commit(open[who].first);
            if (verdict == "DEFERRED") continue;
            if (verdict == ok) ++committed;
            open.erase(who);
        }
    }
    CHECK(std::stoi(f.dom0.read("/counter")) == committed);
    CHECK(committed > 500);
}
