// SPDX-License-Identifier: MIT
#include "engine/watch.hpp"

#include <catch2/catch.hpp>

#include "fake_client.hpp"

using namespace hospes::xs;
using namespace hospes::xs::test;

TEST_CASE("a watch fires once at the start, then for the node and everything below") {
    Fixture f;
    CHECK(f.dom0.watch("/a", "token") == ok);
    CHECK(f.dom0.events() == std::vector<Event>{{"/a", "token"}});
    f.dom0.write("/a", "1");
    f.dom0.write("/a/b/c", "1");
    f.dom0.write("/ab", "1");
    f.dom0.write("/x", "1");
    CHECK(f.dom0.event_paths() == "/a,/a/b/c");
    f.dom0.mkdir("/a/b");
    CHECK(f.dom0.events().empty());
    f.dom0.mkdir("/a/m");
    f.dom0.chmod("/a/m", "r0");
    f.dom0.rm("/a/m");
    CHECK(f.dom0.event_paths() == "/a/m,/a/m,/a/m");
}

TEST_CASE("an event that nobody has read yet is not repeated") {
    Fixture f;
    Client watcher{f.engine, f.engine.connect_socket()};
    watcher.watch("/a", "t");
    watcher.events();
    f.dom0.write("/a", "1");
    f.dom0.write("/a", "2");
    CHECK(watcher.event_paths() == "/a");
    f.dom0.write("/a", "3");
    CHECK(watcher.event_paths() == "/a");
}

TEST_CASE("removal of a tree: its top to those above, its own path to each watch below") {
    Fixture f;
    f.dom0.write("/a/b/c", "1");
    f.dom0.write("/a/b/d", "1");
    f.dom0.watch("/", "root");
    f.dom0.watch("/a/b/c", "c");
    f.dom0.watch("/a/b/absent", "absent");
    f.dom0.events();
    f.dom0.rm("/a");
    CHECK(f.dom0.events() == std::vector<Event>{{"/a", "root"}, {"/a/b/c", "c"}});
}

TEST_CASE("relative watches give relative events") {
    Fixture f;
    Client guest = f.guest(4);
    CHECK(guest.watch("device", "t") == ok);
    CHECK(guest.watch("/local/domain/4/device", "t") == "EEXIST");
    CHECK(guest.event_paths() == "device");
    guest.write("device/vbd", "1");
    CHECK(guest.event_paths() == "device/vbd");
    CHECK(guest.watch("/local/domain/4/abs", "t") == ok);
    f.dom0.write("/local/domain/4/abs/x", "1");
    CHECK(guest.event_paths() == "/local/domain/4/abs,/local/domain/4/abs/x");
    CHECK(guest.unwatch("device", "t") == ok);
    guest.write("device/vbd", "2");
    CHECK(guest.events().empty());
}

TEST_CASE("tokens distinguish watches; unwatch needs both") {
    Fixture f;
    CHECK(f.dom0.watch("/a", "1") == ok);
    CHECK(f.dom0.watch("/a", "2") == ok);
    CHECK(f.dom0.watch("/a", "1") == "EEXIST");
    CHECK(f.dom0.watch("/a", "") == ok);
    f.dom0.events();
    CHECK(f.dom0.unwatch("/a", "3") == "ENOENT");
    CHECK(f.dom0.unwatch("/b", "1") == "ENOENT");
    CHECK(f.dom0.unwatch("/a", "1") == ok);
    f.dom0.write("/a", "");
    CHECK(f.dom0.events() == std::vector<Event>{{"/a", "2"}, {"/a", ""}});
}

TEST_CASE("depth limits how far below events count") {
    Fixture f;
    const auto watch = [&](const std::string& depth) {
        return f.dom0.call(XS_WATCH, "/a\0t"s + depth + "\0"s + depth + "\0"s);
    };
    CHECK(watch("0") == ok);
    CHECK(watch("1") == ok);
    CHECK(watch("x") == "EINVAL");
    CHECK(watch("-1") == "EINVAL");
    f.dom0.events();
    f.dom0.write("/a", "");
    CHECK(f.dom0.events() == std::vector<Event>{{"/a", "t0"}, {"/a", "t1"}});
    f.dom0.write("/a/b", "");
    CHECK(f.dom0.events() == std::vector<Event>{{"/a/b", "t1"}});
    f.dom0.write("/a/b/c", "");
    CHECK(f.dom0.events().empty());
}

TEST_CASE("a guest hears only of what it may read") {
    Fixture f;
    Client guest = f.guest(1);
    f.dom0.mkdir("/s");
    CHECK(guest.watch("/s", "t") == ok);
    CHECK(guest.event_paths() == "/s");
    f.dom0.write("/s/x", "1");
    CHECK(guest.events().empty());
    f.dom0.chmod("/s/x", "n0,r1");
    CHECK(guest.event_paths() == "/s/x");
    f.dom0.write("/s/x", "2");
    CHECK(guest.event_paths() == "/s/x");
    f.dom0.chmod("/s/x", "n0"); // could see it before
    CHECK(guest.event_paths() == "/s/x");
    f.dom0.write("/s/x", "3");
    CHECK(guest.events().empty());
    f.dom0.chmod("/s/x", "n0,r1");
    guest.events();
    f.dom0.rm("/s/x"); // could see it until now
    CHECK(guest.event_paths() == "/s/x");
    f.dom0.write("/s/deep/x", "1");
    f.dom0.chmod("/s/deep/x", "r0");
    guest.events();
    CHECK(guest.watch("/s/deep/x", "u") == ok);
    guest.events();
    f.dom0.rm("/s/deep");
    CHECK(guest.event_paths() == "/s/deep/x");
}

TEST_CASE("@introduceDomain and @releaseDomain") {
    Fixture f;
    f.dom0.watch("@introduceDomain", "i");
    f.dom0.watch("@releaseDomain", "r");
    f.dom0.events();
    f.guest(1);
    CHECK(f.dom0.events() == std::vector<Event>{{"@introduceDomain", "i"}});
    f.engine.domain_status(1, {true, false});
    CHECK(f.dom0.events().empty());
    f.engine.domain_status(1, {true, true});
    f.engine.domain_status(1, {true, true});
    CHECK(f.dom0.events() == std::vector<Event>{{"@releaseDomain", "r"}});
    f.dom0.call(XS_RESUME, "1\0"s);
    f.engine.domain_status(1, {true, true});
    CHECK(f.dom0.event_paths() == "@releaseDomain");
    f.engine.domain_status(1, {false, false});
    CHECK(f.dom0.event_paths() == "@releaseDomain");
    f.dom0.write("/introduceDomain", "not special");
    CHECK(f.dom0.events().empty());
}

TEST_CASE("reset_watches drops watches and transactions of the caller only") {
    Fixture f;
    Client guest = f.guest(1);
    guest.watch("x", "t");
    f.dom0.watch("/local", "t");
    const std::uint32_t tx = guest.begin();
    guest.events();
    f.dom0.events();
    CHECK(guest.call(XS_RESET_WATCHES, "\0"s) == ok);
    guest.write("x", "1");
    CHECK(guest.events().empty());
    CHECK(f.dom0.event_paths() == "/local/domain/1/x");
    CHECK(guest.read("x", tx) == "ENOENT");
    CHECK(guest.watch("x", "t") == ok);
}

TEST_CASE("a closed connection gets no more events") {
    Fixture f;
    Connection& c = f.engine.connect_socket();
    Client watcher{f.engine, c};
    watcher.watch("/a", "t");
    f.engine.disconnect(c);
    f.dom0.write("/a", "1");
    CHECK(f.dom0.read("/a") == "1");
}

TEST_CASE("watch arguments") {
    Fixture f;
    Client guest = f.guest(1);
    CHECK(f.dom0.call(XS_WATCH, "/a\0"s) == "EINVAL");
    CHECK(f.dom0.call(XS_WATCH, "/a\0tok"s) == "EINVAL");
    CHECK(f.dom0.watch("/a b", "t") == "EINVAL");
    CHECK(f.dom0.watch("", "t") == "EINVAL");
    CHECK(f.dom0.watch("@anything", "t") == ok);
    CHECK(f.dom0.watch("/not/there", "t") == ok);
    CHECK(guest.watch("/tool", "t") == ok);
}
