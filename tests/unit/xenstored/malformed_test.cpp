// SPDX-License-Identifier: MIT
#include "engine/engine.hpp"

#include <catch2/catch.hpp>

#include <random>

#include "fake_client.hpp"

using namespace hospes::xs;
using namespace hospes::xs::test;

TEST_CASE("unknown and reserved request types") {
    Fixture f;
    for (const std::uint32_t type : {15U, 16U, 20U, 23U, 24U, 0xffffU, 0xffffffffU})
        CHECK(f.dom0.call(type, "/\0"s) == "ENOSYS");
}

TEST_CASE("payloads that are not one terminated string") {
    Fixture f;
    for (const std::uint32_t type : {XS_READ, XS_DIRECTORY, XS_GET_PERMS, XS_MKDIR, XS_RM}) {
        CHECK(f.dom0.call(type, "") == "EINVAL");
        CHECK(f.dom0.call(type, "/") == "EINVAL");
        CHECK(f.dom0.call(type, "/\0x\0"s) == "EINVAL");
        CHECK(f.dom0.call(type, "\0"s) == "EINVAL");
    }
    CHECK(f.dom0.call(XS_WRITE, "/x"s) == "EINVAL");
    CHECK(f.dom0.call(XS_WRITE, "") == "EINVAL");
    CHECK(f.dom0.call(XS_DIRECTORY_PART, "/\0"s) == "EINVAL");
    CHECK(f.dom0.call(XS_DIRECTORY_PART, "/\0x\0"s) == "EINVAL");
    CHECK(f.dom0.call(XS_DIRECTORY_PART, "/\0\0"s) == "EINVAL");
    CHECK(f.dom0.call(XS_UNWATCH, "/\0"s) == "EINVAL");
    CHECK(f.dom0.call(XS_RELEASE, "1"s) == "EINVAL");
    CHECK(f.dom0.call(XS_RESUME, "x\0"s) == "EINVAL");
    CHECK(f.dom0.call(XS_SET_TARGET, "1\0"s) == "EINVAL");
    CHECK(f.dom0.call(XS_IS_DOMAIN_INTRODUCED, "65536\0"s) == "EINVAL");
}

TEST_CASE("every request is answered exactly once, whatever it holds") {
    Fixture f;
    Client guest = f.guest(1);
    guest.watch("", "t");
    std::mt19937 rng(1);
    const std::string pieces[] = {"/",     "a",    "/local/domain/1/x", "data",      "\0"s,   "1\0"s,  "n1\0"s,
                                  "b1\0"s, "T\0"s, "@releaseDomain\0"s, "/a\0/b\0"s, "\xff"s, "tok\0"s};
    for (int i = 0; i < 40000; ++i) {
        std::string payload;
        for (unsigned n = rng() % 5; n > 0; --n)
            payload += pieces[rng() % std::size(pieces)];
        std::uint32_t tx = rng() % 3 ? 0 : rng() % 12;
        const std::string answer = guest.call(rng() % (XS_TYPE_COUNT + 1), payload, tx);
        REQUIRE(answer != "NO-REPLY");
        if (i % 1000 == 0) {
            guest.events();
            REQUIRE(f.dom0.call(XS_CONTROL, "check\0"s) == ok);
        }
    }
    guest.events();
    CHECK(f.engine.domains().at(1).nodes <= 1000);
    CHECK(f.dom0.read("/tool").empty());
}
