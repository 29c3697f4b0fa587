// SPDX-License-Identifier: MIT
#include "state/state_file.hpp"

#include <catch2/catch.hpp>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>

#include "fake_client.hpp"
#include "state/engine_state.hpp"

using namespace hospes::xs;
using namespace hospes::xs::test;

namespace {

struct Directory {
    std::filesystem::path path;
    Directory() {
        std::string name = (std::filesystem::temp_directory_path() / "xs-state-XXXXXX").string();
        path = ::mkdtemp(name.data());
    }
    ~Directory() { std::filesystem::remove_all(path); }
    std::string file() const { return (path / "journal").string(); }
};

/// What the next daemon finds.
struct Recovered : Fixture {
    explicit Recovered(const Directory& dir) {
        state::StateFile file(dir.file());
        std::uint64_t position = 0;
        std::string why;
        REQUIRE(file.recover(engine, position, why));
        CHECK(why.empty());
    }
};

std::string lasting(const Engine& e) {
    state::Writer w;
    state::dump_lasting(e, w);
    return w.bytes;
}

std::map<std::string, std::string> nodes(const Engine& e) {
    std::map<std::string, std::string> found;
    for (Walk walk(e.tree()); const Node* n = walk.next();)
        found[std::string(walk.path())] = n->value();
    return found;
}

void some_life(Fixture& f) {
    Client guest = f.guest(7);
    guest.write("device/vbd/51712/state", "1");
    guest.watch("device", "tok");
    guest.watch("@releaseDomain", "t2");
    guest.unwatch("@releaseDomain", "t2");
    f.dom0.write("/vm/x", "some\0binary"s);
    f.dom0.chmod("/vm/x", "r0,b7");
    f.dom0.chmod("@introduceDomain", "n0,r7");
    f.guest(8);
    f.guest(9);
    f.dom0.call(XS_SET_TARGET, "8\0"s + "7\0"s);
    const std::uint32_t tx = guest.begin();
    guest.write("in-transaction", "1", tx);
    guest.rm("device/vbd/51712", tx);
    guest.commit(tx);
    Client{f.engine, *f.engine.domain_connection(9)}.write("orphan", "1");
    f.dom0.call(XS_RELEASE, "9\0"s);
    f.dom0.rm("/tool");
    f.engine.domain_status(8, {true, true});
}

} // namespace

TEST_CASE("the journal gives back what was committed, and nothing else") {
    const Directory dir;
    std::string before;
    {
        Fixture f;
        state::StateFile file(dir.file());
        REQUIRE(file.checkpoint(f.engine) == 0);
        f.engine.set_journal(&file);
        some_life(f);
        REQUIRE(file.commit());
        before = lasting(f.engine);
        f.dom0.write("/lost", "x"); // never committed
        f.engine.set_journal(nullptr);
    }
    Fixture g;
    state::StateFile file(dir.file());
    std::uint64_t position = 0;
    std::string why;
    REQUIRE(file.recover(g.engine, position, why));
    CHECK(why.empty());
    CHECK(position > 0);
    CHECK(g.dom0.read("/lost") == "ENOENT");
    CHECK(g.dom0.read("/tool") == "ENOENT");
    CHECK(g.dom0.read("/vm/x") == "some\0binary"s);
    CHECK(g.dom0.perms("/vm/x") == "r0,b7");
    CHECK(g.dom0.read("/local/domain/7/in-transaction") == "1");
    CHECK(g.dom0.perms("/local/domain/7/in-transaction") == "n7");
    CHECK(g.dom0.ls("/local/domain/7/device/vbd").empty());
    CHECK(g.dom0.call(XS_CONTROL, "check\0"s) == ok);
    REQUIRE(g.engine.domain_connection(7));
    CHECK(g.engine.domain_connection(7)->watches.size() == 1);
    CHECK(g.engine.domain_connection(8)->target == 7);
    CHECK(g.engine.domain_connection(9) == nullptr);
    Client guest{g.engine, *g.engine.domain_connection(7)};
    guest.write("device/x", "");
    CHECK(guest.event_paths() == "device/x");
    CHECK(guest.watch("device", "tok") == "EEXIST");
}

TEST_CASE("a checkpoint holds the same as the journal before it") {
    const Directory dir;
    Fixture f;
    state::StateFile file(dir.file());
    REQUIRE(file.checkpoint(f.engine) == 0);
    f.engine.set_journal(&file);
    some_life(f);
    const std::uint64_t end = file.next_position();
    REQUIRE(file.checkpoint(f.engine) == 0);
    CHECK(file.next_position() >= end); // positions never go back
    Recovered g(dir);
    CHECK(lasting(g.engine).size() == lasting(f.engine).size());
    CHECK(g.engine.tree().find("/vm/x"));
}

TEST_CASE("a file that is not ours is refused, a damaged one used as far as it makes sense") {
    const Directory dir;
    Fixture f;
    f.dom0.write("/kept", "1");
    state::StateFile file(dir.file());
    REQUIRE(file.checkpoint(f.engine) == 0);
    std::uint64_t position = 0;
    const auto with = [&](std::streamoff at, const std::string& bytes) {
        std::filesystem::copy_file(dir.file(), dir.file() + "2", std::filesystem::copy_options::overwrite_existing);
        std::fstream(dir.file() + "2", std::ios::in | std::ios::out | std::ios::binary)
            .seekp(at)
            .write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
        Fixture g;
        state::StateFile other(dir.file() + "2");
        std::string why;
        const bool used = other.recover(g.engine, position, why);
        CHECK_FALSE(why.empty());
        return used;
    };
    CHECK_FALSE(with(0, "X"));
    CHECK_FALSE(with(8, "\x09"));
    CHECK_FALSE(with(offsetof(state::FileHeader, boot_id), "zzzz"));
    CHECK_FALSE(with(offsetof(state::FileHeader, committed), std::string(8, '\xff')));
    CHECK(with(sizeof(state::FileHeader) + 20, std::string(8, '\xff')));
    std::string why;
    Fixture g;
    state::StateFile none(dir.file() + "-none");
    CHECK_FALSE(none.recover(g.engine, position, why));
    CHECK(why.empty());
}

TEST_CASE("the journal grows past its first size") {
    const Directory dir;
    Fixture f;
    state::StateFile file(dir.file());
    REQUIRE(file.checkpoint(f.engine) == 0);
    f.engine.set_journal(&file);
    const std::string value(3000, 'v');
    for (int i = 0; i < 2000; ++i) {
        f.dom0.write("/n" + std::to_string(i), value);
        REQUIRE(file.commit());
    }
    CHECK(file.grown());
    Recovered g(dir);
    CHECK(g.dom0.read("/n1999") == value);
}

TEST_CASE("a rewrite in pieces holds what was committed meanwhile, and the old file counts until it is done") {
    const Directory dir;
    Fixture f;
    for (int i = 0; i < 300; ++i)
        f.dom0.write("/many/" + std::to_string(i % 17) + "/" + std::to_string(i), "first");
    state::StateFile file(dir.file());
    REQUIRE(file.checkpoint(f.engine) == 0);
    f.engine.set_journal(&file);
    some_life(f);
    REQUIRE(file.commit());
    const auto recovered = [&](std::uint64_t& position) {
        Fixture g;
        state::StateFile other(dir.file());
        std::string why;
        REQUIRE(other.recover(g.engine, position, why));
        CHECK(why.empty());
        CHECK(g.dom0.call(XS_CONTROL, "check\0"s) == ok);
        CHECK(g.engine.domain_connection(7)->watches.size() == 1);
        return nodes(g.engine);
    };
    std::uint64_t position = 0;
    file.rewrite(f.engine);
    unsigned steps = 0;
    for (; file.rewriting(); ++steps) {
        f.dom0.write("/many/3/" + std::to_string(steps), "second");
        f.dom0.rm("/many/" + std::to_string(steps % 17));
        REQUIRE(file.commit());
        const std::uint64_t end = file.next_position();
        REQUIRE(file.step(512) == 0);
        CHECK(file.next_position() == end);
        CHECK(recovered(position) == nodes(f.engine));
        CHECK(position == end);
    }
    CHECK(steps > 5);
    CHECK_FALSE(std::filesystem::exists(dir.file() + ".new"));
    f.dom0.write("/after", "1");
    REQUIRE(file.commit());
    CHECK(recovered(position) == nodes(f.engine));
    f.engine.set_journal(nullptr);
}

TEST_CASE("a rewrite that finds no room leaves the journal as it is") {
    const Directory dir;
    Fixture f;
    state::StateFile file(dir.file());
    REQUIRE(file.checkpoint(f.engine) == 0);
    f.engine.set_journal(&file);
    std::filesystem::create_directory(dir.file() + ".new");
    file.rewrite(f.engine);
    CHECK(file.step(512) == EISDIR);
    CHECK_FALSE(file.rewriting());
    f.dom0.write("/kept", "1");
    REQUIRE(file.commit());
    f.engine.set_journal(nullptr);
    Recovered g(dir);
    CHECK(g.dom0.read("/kept") == "1");
}

TEST_CASE("open transactions move to a new engine; those that had lost stay lost") {
    Fixture f;
    some_life(f);
    Client guest{f.engine, *f.engine.domain_connection(7)};
    f.dom0.write("/shared", "1");
    const std::uint32_t good = guest.begin();
    guest.read("device", good);
    guest.write("mine", "from tx", good);
    const std::uint32_t bad = guest.begin();
    guest.read("in-transaction", bad);
    guest.write("mine", "never", bad);
    f.dom0.write("/local/domain/7/in-transaction", "changed");
    state::Writer w;
    state::dump_lasting(f.engine, w);
    state::dump_transient(f.engine, w);
    Fixture g;
    REQUIRE(state::load(g.engine, w.bytes, nullptr));
    Client after{g.engine, *g.engine.domain_connection(7)};
    CHECK(after.read("mine", good) == "from tx");
    CHECK(after.commit(bad) == "EAGAIN");
    CHECK(after.commit(good) == ok);
    CHECK(after.read("mine") == "from tx");
    CHECK(g.dom0.call(XS_CONTROL, "check\0"s) == ok);
}
