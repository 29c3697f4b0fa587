// SPDX-License-Identifier: MIT
#include "engine/engine.hpp"

#include <catch2/catch.hpp>

#include "fake_client.hpp"

using namespace hospes::xs;
using namespace hospes::xs::test;

TEST_CASE("permission matrix: every letter as default and as entry, every request") {
    Fixture f;
    Client owner = f.guest(1);
    Client listed = f.guest(2);
    Client other = f.guest(3);
    f.dom0.mkdir("/shared");
    f.dom0.chmod("/shared", "n0,b1,r2,r3");
    for (const char fallback : {'n', 'r', 'w', 'b'}) {
        for (const char entry : {'n', 'r', 'w', 'b'}) {
            const std::string perms = fallback + "1,"s + entry + "2"s;
            CAPTURE(perms);
            REQUIRE(f.dom0.write("/shared/node", "v") == ok);
            REQUIRE(f.dom0.write("/shared/node/child", "v") == ok);
            REQUIRE(f.dom0.chmod("/shared/node", perms) == ok);
            const auto check = [&](Client& c, bool r, bool w) {
                CHECK(c.read("/shared/node") == (r ? "v" : "EACCES"));
                CHECK(c.ls("/shared/node") == (r ? "child" : "EACCES"));
                CHECK(c.perms("/shared/node") == (r ? perms : "EACCES"));
                CHECK(c.write("/shared/node", "v") == (w ? ok : "EACCES"));
                CHECK(c.mkdir("/shared/node") == (w ? ok : "EACCES"));
                CHECK(c.mkdir("/shared/node/new") == (w ? ok : "EACCES"));
                if (w) f.dom0.rm("/shared/node/new");
            };
            const auto may_read = [](char l) { return l == 'r' || l == 'b'; };
            const auto may_write = [](char l) { return l == 'w' || l == 'b'; };
            check(f.dom0, true, true);
            check(owner, true, true);
            check(listed, may_read(entry), may_write(entry));
            check(other, may_read(fallback), may_write(fallback));
            CHECK(listed.chmod("/shared/node", "b1,b2") == "EACCES");
            CHECK(other.rm("/shared/node") == (may_write(fallback) ? ok : "EACCES"));
            f.dom0.rm("/shared/node");
        }
    }
}

TEST_CASE("an absent node looks the same as a forbidden one to who may not see its parent") {
    Fixture f;
    Client guest = f.guest(1);
    f.dom0.write("/secret/node", "v");
    CHECK(guest.read("/secret/node") == "EACCES");
    CHECK(guest.read("/secret/absent") == "EACCES");
    CHECK(guest.read("/absent") == "EACCES");
    CHECK(guest.rm("/absent") == "EACCES");
    CHECK(guest.write("/absent/x", "") == "EACCES");
    f.dom0.chmod("/secret", "r0");
    CHECK(guest.read("/secret/absent/deep") == "ENOENT");
    CHECK(guest.write("/secret/absent", "") == "EACCES");
}

TEST_CASE("children inherit permissions; what a guest creates belongs to it") {
    Fixture f;
    Client guest = f.guest(1);
    CHECK(guest.write("data/x", "1") == ok);
    CHECK(f.dom0.perms("/local/domain/1/data") == "n1");
    f.dom0.chmod("/local/domain/1/data", "b0,b1");
    CHECK(guest.write("data/y", "1") == ok);
    CHECK(f.dom0.perms("/local/domain/1/data/y") == "b1,b1");
    CHECK(f.dom0.write("/local/domain/1/data/z", "1") == ok);
    CHECK(f.dom0.perms("/local/domain/1/data/z") == "b0,b1");
}

TEST_CASE("an owner may change permissions but not give the node away") {
    Fixture f;
    Client guest = f.guest(1);
    guest.write("x", "1");
    CHECK(guest.chmod("x", "n1,r0") == ok);
    CHECK(guest.perms("x") == "n1,r0");
    CHECK(guest.chmod("x", "n2") == "EPERM");
    CHECK(f.dom0.chmod("/local/domain/1/x", "n2,r1") == ok);
    CHECK(guest.read("x") == "1");
    CHECK(guest.write("x", "2") == "EACCES");
    CHECK(guest.chmod("x", "n1") == "EACCES");
    CHECK(guest.chmod("absent", "n1") == "ENOENT");
}

TEST_CASE("malformed permission lists") {
    Fixture f;
    f.dom0.mkdir("/x");
    for (const char* bad : {"", "q1", "r", "r1,", "r99999", "1r", "r1,zz"})
        CHECK(f.dom0.chmod("/x", bad) == "EINVAL");
    CHECK(f.dom0.call(XS_SET_PERMS, "/x\0"s) == "EINVAL");
    CHECK(f.dom0.call(XS_SET_PERMS, "/x\0r0"s) == "EINVAL");
}

TEST_CASE("set_target lends the target's rights, and only those") {
    Fixture f;
    Client stub = f.guest(5);
    Client guest = f.guest(6);
    Client third = f.guest(7);
    guest.write("x", "1");
    third.write("x", "1");
    CHECK(stub.read("/local/domain/6/x") == "EACCES");
    CHECK(f.dom0.call(XS_SET_TARGET, "5\0"s + "6\0"s) == ok);
    CHECK(stub.read("/local/domain/6/x") == "1");
    CHECK(stub.write("/local/domain/6/x", "2") == ok);
    CHECK(stub.read("/local/domain/7/x") == "EACCES");
    CHECK(stub.read("/tool") == "EACCES");
    CHECK(f.dom0.call(XS_SET_TARGET, "5\0"s + "99\0"s) == "ENOENT");
    CHECK(f.dom0.call(XS_SET_TARGET, "5\0"s + "0\0"s) != ok);
    CHECK(guest.call(XS_SET_TARGET, "5\0"s + "6\0"s) == "EACCES");
    f.engine.domain_status(6, {false, false});
    CHECK(stub.conn().target == domid_none);
}

TEST_CASE("special paths have permissions of their own") {
    Fixture f;
    Client guest = f.guest(1);
    CHECK(f.dom0.perms("@releaseDomain") == "n0");
    CHECK(guest.perms("@releaseDomain") == "EACCES");
    CHECK(guest.chmod("@releaseDomain", "r0") == "EACCES");
    CHECK(guest.watch("@introduceDomain", "t") == ok);
    guest.events();
    f.guest(2);
    CHECK(guest.events().empty());
    CHECK(f.dom0.chmod("@introduceDomain", "n0,r1") == ok);
    CHECK(guest.perms("@introduceDomain") == "n0,r1");
    f.guest(3);
    CHECK(guest.event_paths() == "@introduceDomain");
    CHECK(f.dom0.chmod("@nonsense", "r0") == "EINVAL");
    CHECK(f.dom0.perms("@nonsense") == "EINVAL");
    CHECK(f.dom0.read("@releaseDomain") == "EINVAL");
}
