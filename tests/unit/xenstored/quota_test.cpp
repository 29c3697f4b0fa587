// SPDX-License-Identifier: MIT
#include "engine/quota.hpp"

#include <catch2/catch.hpp>

#include "fake_client.hpp"

using namespace hospes::xs;
using namespace hospes::xs::test;

TEST_CASE("nodes per domain, also inside a transaction and through merges") {
    Fixture f;
    f.engine.quotas.nodes = 10;
    Client guest = f.guest(1); // its home counts as one
    for (int i = 0; i < 9; ++i)
        CHECK(guest.write("n" + std::to_string(i), "") == ok);
    CHECK(guest.write("one-more", "") == "ENOSPC");
    CHECK(guest.mkdir("one-more") == "ENOSPC");
    CHECK(guest.rm("n0") == ok);
    CHECK(guest.write("a/b", "") == "ENOSPC"); // would make two
    const std::uint32_t tx = guest.begin();
    CHECK(guest.write("t1", "", tx) == ok);
    CHECK(guest.write("t2", "", tx) == "ENOSPC");
    CHECK(guest.write("outside", "") == ok);
    CHECK(guest.commit(tx) == "ENOSPC");
    CHECK(f.dom0.write("/local/domain/1/by-dom0", "") == ok); // the control domain has no limit
    // One too many now, which is not the guest's doing: what there is it still may write.
    CHECK(guest.write("n1", "longer") == ok);
    const std::uint32_t late = guest.begin();
    CHECK(guest.write("n1", "longer still", late) == ok);
    CHECK(guest.write("one-more", "", late) == "ENOSPC");
    CHECK(guest.commit(late) == ok);
    CHECK(guest.write("one-more", "") == "ENOSPC");
}

TEST_CASE("node size, permissions, path length") {
    Fixture f;
    Client guest = f.guest(1);
    CHECK(guest.write("x", std::string(1900, 'v')) == ok);
    CHECK(guest.write("x", std::string(2100, 'v')) == "ENOSPC");
    CHECK(guest.write("y", std::string(2100, 'v')) == "ENOSPC");
    CHECK(guest.chmod("x", "n1,r2,r3,r4,r5") == ok);
    CHECK(guest.chmod("x", "n1,r2,r3,r4,r5,r6") == "ENOSPC");
    f.engine.quotas.path_max = 20;
    CHECK(guest.write(std::string(20, 'p'), "") == ok);
    CHECK(guest.write(std::string(21, 'p'), "") == "EINVAL");
    CHECK(f.dom0.write("/" + std::string(100, 'p'), "") == "EINVAL"); // as the C daemon: for all
}

TEST_CASE("watches and transactions per domain") {
    Fixture f;
    f.engine.quotas.watches = 3;
    f.engine.quotas.transactions = 2;
    Client guest = f.guest(1);
    for (const char* t : {"1", "2", "3"})
        CHECK(guest.watch("x", t) == ok);
    CHECK(guest.watch("x", "4") == "E2BIG");
    CHECK(guest.unwatch("x", "1") == ok);
    CHECK(guest.watch("x", "4") == ok);
    const std::uint32_t a = guest.begin();
    const std::uint32_t b = guest.begin();
    CHECK(guest.call(XS_TRANSACTION_START, "\0"s) == "ENOSPC");
    guest.abort(a);
    CHECK(guest.begin() != 0);
    guest.abort(b);
    for (int i = 0; i < 20; ++i)
        CHECK(f.dom0.begin() != 0);
}

TEST_CASE("nodes that one transaction touches") {
    Fixture f;
    f.engine.quotas.transaction_nodes = 8;
    Client guest = f.guest(1);
    const std::uint32_t tx = guest.begin();
    for (int i = 0; i < 100; ++i)
        CHECK(guest.read("absent", tx) == "ENOENT"); // the same ones again cost nothing
    std::string last;
    for (int i = 0; i < 10; ++i)
        last = guest.read("n" + std::to_string(i), tx);
    CHECK(last == "ENOSPC");
}

TEST_CASE("memory per domain counts values, transactions and unread replies") {
    Fixture f;
    f.engine.quotas.memory = 20000;
    Client guest = f.guest(1);
    const std::string value(1500, 'v');
    std::string last;
    int stored = 0;
    while ((last = guest.write("n" + std::to_string(stored), value)) == ok)
        ++stored;
    CHECK(last == "ENOSPC");
    CHECK(stored >= 10);
    CHECK(stored <= 13);
    CHECK(guest.rm("n0") == ok);
    const std::uint32_t tx = guest.begin();
    while ((last = guest.write("n1", value, tx)) == ok) {
    }
    CHECK(last == "ENOSPC");
    guest.abort(tx);
    CHECK(guest.write("n0", "small") == ok);
}

TEST_CASE("a guest that takes no events is marked, not fed without end") {
    Fixture f;
    f.engine.quotas.memory = 20000;
    Client guest = f.guest(1);
    guest.watch("x", "t");
    for (int i = 0; i < 2000; ++i)
        f.dom0.write("/local/domain/1/x/" + std::to_string(i), "");
    CHECK(guest.conn().overflowed);
    CHECK(guest.conn().out.size() < 21000);
}

TEST_CASE("an event that a guest does not take in time is dropped, and nothing else is") {
    Fixture f;
    Client guest = f.guest(1);
    guest.watch("x", "t");
    guest.events();
    const auto touch = [&f](std::uint64_t now, const char* name) {
        f.engine.set_now(now);
        f.dom0.write("/local/domain/1/x/"s + name, "");
    };
    touch(1000, "a");
    const Header read{XS_READ, 77, 0, 2};
    f.engine.handle(guest.conn(), read, "x\0"s); // its answer waits behind the event
    touch(15000, "b");
    f.engine.set_now(20999);
    f.engine.drop_stale_events(guest.conn());
    const std::size_t all = guest.conn().out.size();
    f.engine.set_now(21000);
    f.engine.drop_stale_events(guest.conn());
    CHECK(guest.conn().out.size() == all - sizeof(Header) - "x/a\0t\0"s.size());
    CHECK(read_header(guest.conn().out.bytes().data()).req_id == 77);
    guest.conn().out.consume(sizeof(Header) + read_header(guest.conn().out.bytes().data()).len);
    touch(34000, "b"); // said already
    CHECK(guest.event_paths() == "x/b");
    // What was dropped comes again when it happens again.
    touch(40000, "c");
    touch(60000, "c");
    CHECK(guest.event_paths() == "x/c");
    // Never, when so configured; and never for the control domain.
    f.engine.quotas.watch_event_seconds = 0;
    touch(70000, "d");
    f.engine.set_now(900000);
    f.engine.drop_stale_events(guest.conn());
    CHECK(guest.event_paths() == "x/d");
    f.engine.quotas.watch_event_seconds = 20;
    Client other{f.engine, f.engine.connect_socket()};
    other.watch("/local/domain/1/x", "t");
    other.events();
    touch(1000000, "e");
    f.engine.set_now(2000000);
    f.engine.drop_stale_events(other.conn());
    CHECK(other.event_paths() == "/local/domain/1/x/e");
}

TEST_CASE("the soft memory quota is reported once each time it is passed") {
    Fixture f;
    CHECK(f.dom0.call(XS_CONTROL, "quota-soft\0set\0memory\0"s + "5000\0"s) == ok);
    CHECK(f.dom0.call(XS_CONTROL, "quota-soft\0set\0nodes\0"s + "5000\0"s) == "EINVAL");
    CHECK(f.dom0.call(XS_CONTROL, "quota-soft\0"s).find("5000") != std::string::npos);
    Client guest = f.guest(1);
    const std::string value(1500, 'v');
    for (int round = 0; round < 2; ++round) {
        for (int i = 0; i < 5; ++i)
            CHECK(guest.write("n" + std::to_string(i), value) == ok);
        CHECK(f.host.warnings.size() == static_cast<std::size_t>(round + 1));
        for (int i = 0; i < 5; ++i)
            guest.rm("n" + std::to_string(i));
    }
}
