// SPDX-License-Identifier: MIT
#include "engine/engine.hpp"

#include <catch2/catch.hpp>

#include "fake_client.hpp"

using namespace hospes::xs;
using namespace hospes::xs::test;

TEST_CASE("introduce, is_introduced, release") {
    Fixture f;
    const auto known = [&](const std::string& id) { return f.dom0.call(XS_IS_DOMAIN_INTRODUCED, id + '\0'); };
    CHECK(known("1") == "F\0"s);
    CHECK(known("0") == "T\0"s);
    Client guest = f.guest(1);
    CHECK(known("1") == "T\0"s);
    CHECK(guest.call(XS_IS_DOMAIN_INTRODUCED, "1\0"s) == "T\0"s);
    CHECK(f.host.introduced == std::vector<Domid>{1});
    CHECK(f.dom0.call(XS_INTRODUCE, "1\0"s + "100\0"s + "8\0"s) == ok); // a new event channel
    CHECK(f.host.introduced.size() == 2);
    CHECK(f.dom0.call(XS_RELEASE, "1\0"s) == ok);
    CHECK(f.host.released == std::vector<Domid>{1});
    CHECK(known("1") == "F\0"s);
    CHECK(f.dom0.call(XS_RELEASE, "1\0"s) == "ENOENT");
    CHECK(f.dom0.call(XS_RESUME, "1\0"s) == "ENOENT");
}

TEST_CASE("introduce checks its arguments and passes the transport's error on") {
    Fixture f;
    const auto introduce = [&](const std::string& a, const std::string& b, const std::string& c) {
        return f.dom0.call(XS_INTRODUCE, a + '\0' + b + '\0' + c + '\0');
    };
    CHECK(introduce("0", "1", "1") == "EINVAL");
    CHECK(introduce("x", "1", "1") == "EINVAL");
    CHECK(introduce("1", "x", "1") == "EINVAL");
    CHECK(introduce("1", "1", "0") == "EINVAL");
    CHECK(introduce("1", "1", "-1") == "EINVAL");
    CHECK(introduce("32752", "1", "1") == "EINVAL"); // reserved
    CHECK(introduce("70000", "1", "1") == "EINVAL");
    CHECK(f.dom0.call(XS_INTRODUCE, "1\0"s + "1\0"s) == "EINVAL");
    f.host.introduce_error = EIO;
    CHECK(introduce("1", "1", "1") == "EIO");
    f.host.introduce_error = 0;
    CHECK(introduce("1", "-5", "1") == ok);
    CHECK(f.engine.domains().at(1).gfn == static_cast<std::uint64_t>(-5));
}

TEST_CASE("guests may not use the control domain's requests") {
    Fixture f;
    Client guest = f.guest(1);
    for (const std::uint32_t type : {XS_CONTROL, XS_INTRODUCE, XS_RELEASE, XS_RESUME, XS_SET_TARGET})
        CHECK(guest.call(type, "1\0"s) == "EACCES");
}

TEST_CASE("get_domain_path") {
    Fixture f;
    CHECK(f.dom0.call(XS_GET_DOMAIN_PATH, "7\0"s) == "/local/domain/7\0"s);
    CHECK(f.dom0.call(XS_GET_DOMAIN_PATH, "007\0"s) == "/local/domain/7\0"s);
    CHECK(f.dom0.call(XS_GET_DOMAIN_PATH, "32752\0"s) == "/local/domain/32752\0"s);
    CHECK(f.dom0.call(XS_GET_DOMAIN_PATH, "x\0"s) == "EINVAL");
    CHECK(f.dom0.call(XS_GET_DOMAIN_PATH, ""s) == "EINVAL");
}

TEST_CASE("a dead domain loses its nodes, rights and watches; a successor inherits nothing") {
    Fixture f;
    {
        Client guest = f.guest(1);
        guest.write("data", "secret");
        guest.watch("data", "t");
        guest.begin();
        f.dom0.write("/granted", "v");
        f.dom0.chmod("/granted", "n0,b1");
        f.dom0.watch("/local/domain/1", "t");
        f.dom0.watch("@releaseDomain", "r");
        f.dom0.events();
    }
    CHECK(f.engine.domain_status(1, {false, false}));
    CHECK(f.dom0.event_paths() == "@releaseDomain,/local/domain/1");
    CHECK(f.dom0.ls("/local/domain").empty());
    CHECK(f.engine.domains().count(1) == 0);
    Client heir = f.guest(1);
    CHECK(heir.read("/granted") == "EACCES");
    CHECK(f.dom0.perms("/granted") == "n0");
    CHECK(f.dom0.call(XS_CONTROL, "check\0"s) == ok);
}

TEST_CASE("orphans stay when asked to") {
    Fixture f;
    f.engine.keep_orphans = true;
    f.guest(1);
    f.engine.domain_status(1, {false, false});
    CHECK(f.dom0.ls("/local/domain") == "1");
    CHECK(f.dom0.call(XS_CONTROL, "check\0"s) == ok); // and in their owner's account
}

TEST_CASE("a reset connection starts afresh") {
    Fixture f;
    Client guest = f.guest(1);
    guest.watch("x", "t");
    const std::uint32_t tx = guest.begin();
    guest.events();
    f.engine.reset(guest.conn());
    CHECK(guest.events().empty());
    CHECK(guest.read("x", tx) == "ENOENT");
    CHECK(guest.watch("x", "t") == ok);
    CHECK(f.engine.domains().at(1).transactions == 0);
}

TEST_CASE("after a crash an unknown transaction is doomed, not an error") {
    Fixture f;
    Client guest = f.guest(1);
    guest.conn().lost_transactions = true;
    CHECK(guest.write("x", "1", 42) == ok);
    CHECK(guest.read("x", 42) == "1");
    CHECK(guest.commit(42) == "EAGAIN");
    CHECK(guest.read("x") == "ENOENT");
    for (std::uint32_t id = 100; id < 150; ++id)
        guest.read("x", id);
    CHECK(guest.conn().transactions.size() <= f.engine.quotas.transactions);
}
