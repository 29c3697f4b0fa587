// SPDX-License-Identifier: MIT
#include "engine/engine.hpp"

#include <catch2/catch.hpp>

#include "fake_client.hpp"

using namespace hospes::xs;
using namespace hospes::xs::test;

TEST_CASE("a new store has what the C daemon creates") {
    Fixture f;
    CHECK(f.dom0.ls("/") == "tool");
    CHECK(f.dom0.ls("/tool") == "xenstored");
    CHECK(f.dom0.read("/tool/xenstored").empty());
    CHECK(f.dom0.perms("/") == "n0");
}

TEST_CASE("write creates missing parents and read gives the bytes back") {
    Fixture f;
    const std::string binary = "a\0b\xff"s;
    CHECK(f.dom0.write("/a/b/c", binary) == ok);
    CHECK(f.dom0.read("/a/b/c") == binary);
    CHECK(f.dom0.read("/a/b").empty());
    CHECK(f.dom0.write("/a/b", "x") == ok);
    CHECK(f.dom0.read("/a/b") == "x");
    CHECK(f.dom0.ls("/a") == "b");
    CHECK(f.dom0.write("/a/b/c", "") == ok);
    CHECK(f.dom0.read("/a/b/c").empty());
    CHECK(f.dom0.read("/a/b/d") == "ENOENT");
    CHECK(f.dom0.ls("/nothing") == "ENOENT");
}

TEST_CASE("mkdir leaves what exists alone") {
    Fixture f;
    f.dom0.write("/a", "keep");
    CHECK(f.dom0.mkdir("/a") == ok);
    CHECK(f.dom0.read("/a") == "keep");
    CHECK(f.dom0.mkdir("/x/y") == ok);
    CHECK(f.dom0.ls("/x") == "y");
}

TEST_CASE("rm takes the subtree and forgives an absent node with a parent") {
    Fixture f;
    f.dom0.write("/a/b/c", "1");
    f.dom0.write("/a/d", "2");
    CHECK(f.dom0.rm("/a/b") == ok);
    CHECK(f.dom0.read("/a/b/c") == "ENOENT");
    CHECK(f.dom0.read("/a/d") == "2");
    CHECK(f.dom0.rm("/a/b") == ok);
    CHECK(f.dom0.rm("/nothing/below") == "ENOENT");
    CHECK(f.dom0.rm("/") == "EINVAL");
}

TEST_CASE("relative paths of a socket start at the control domain's home") {
    Fixture f;
    CHECK(f.dom0.write("x/y", "1") == ok);
    CHECK(f.dom0.read("/local/domain/0/x/y") == "1");
    CHECK(f.dom0.read("") == "EINVAL");
}

TEST_CASE("a listing that does not fit is E2BIG, and comes in parts") {
    Fixture f;
    std::string expected;
    for (int i = 0; i < 1500; ++i)
        f.dom0.write("/dir/entry" + std::to_string(i), "");
    CHECK(f.dom0.ls("/dir") == "E2BIG");
    std::string all;
    std::string generation;
    for (int part = 0; part < 10; ++part) {
        const std::string got = f.dom0.call(XS_DIRECTORY_PART, "/dir\0"s + std::to_string(all.size()) + '\0');
        REQUIRE(got.size() <= payload_max);
        const std::string gen = got.substr(0, got.find('\0'));
        CHECK((generation.empty() || generation == gen));
        generation = gen;
        all += got.substr(gen.size() + 1);
        if (all.ends_with("\0\0"s)) break;
    }
    REQUIRE(all.ends_with("\0\0"s));
    all.pop_back();
    CHECK(std::count(all.begin(), all.end(), '\0') == 1500);
    f.dom0.write("/dir/one-more", "");
    CHECK(f.dom0.call(XS_DIRECTORY_PART, "/dir\0"s + "0\0"s).substr(0, generation.size()) != generation);
    // Behind the end there is only the end mark.
    const std::string end = f.dom0.call(XS_DIRECTORY_PART, "/dir\0"s + "999999\0"s);
    CHECK(end.ends_with("\0\0"s));
    CHECK(f.dom0.call(XS_DIRECTORY_PART, "/tool/xenstored\0"s + "0\0"s).ends_with("\0\0"s));
}

TEST_CASE("values up to the payload limit can be stored and read") {
    Fixture f;
    const std::string path = "/v";
    const std::string big(payload_max - path.size() - 1, 'v');
    CHECK(f.dom0.write(path, big) == ok);
    CHECK(f.dom0.read(path) == big);
}

TEST_CASE("control answers help, quota and check, and refuses the rest") {
    Fixture f;
    const auto control = [&](const std::string& s) { return f.dom0.call(XS_CONTROL, s); };
    CHECK(control("help\0"s).find("memreport") != std::string::npos);
    CHECK(control("check\0"s) == ok);
    CHECK(control("memreport\0"s).find("nodes") != std::string::npos);
    CHECK(control("quota\0"s).find("transaction-nodes") != std::string::npos);
    CHECK(control("quota\0set\0nodes\0"s + "17\0"s) == ok);
    CHECK(f.engine.quotas.nodes == 17);
    CHECK(control("quota\0set\0nonsense\0"s + "17\0"s) == "EINVAL");
    CHECK(control("quota\0"s + "77\0"s) == "ENOENT");
    CHECK(control("quota\0max\0-r\0"s).find("nodes") != std::string::npos);
    CHECK(control("no-such-command\0"s) == "EINVAL");
    CHECK(control("") == "EINVAL");
}
