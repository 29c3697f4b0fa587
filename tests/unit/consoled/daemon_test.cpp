// SPDX-License-Identifier: MIT
// The console daemon between a modelled hypervisor and a real store. (Rings and ports need a kernel:
// tests/system/scenarios/console.py.)
#include "libxl/consoled/daemon.hpp"

#include <catch2/catch.hpp>

#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "fake_transport.hpp"
#include "test_store.hpp"

using namespace hospes;
using namespace hospes::xl::consoled;

namespace {

struct Watched {
    xs::test::TestStore store;
    xc::FakeTransport* machine = new xc::FakeTransport();
    boost::asio::io_context io{1};
    Daemon daemon{io, options()};

    Options options() {
        Options o;
        o.socket = store.folder() / "viewers";
        o.open_devices = [this]() -> Result<Devices> {
            return Devices{std::unique_ptr<xc::Transport>(machine),
                           xc::EventChannels(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)), std::nullopt};
        };
        return o;
    }
    void add(xc::DomId domain, const std::string& name) {
        machine->domains()[domain].pauses = 0;
        store.write("/local/domain/" + std::to_string(domain) + "/name", name);
    }
    /// The daemon's answer to a line, while it does its work.
    std::string ask(const std::string& line) {
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        const std::string path = store.folder() / "viewers";
        path.copy(address.sun_path, path.size());
        const int fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        REQUIRE(::connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
        REQUIRE(::send(fd, (line + "\n").data(), line.size() + 1, 0) == static_cast<ssize_t>(line.size() + 1));
        std::string answer;
        for (;;) {
            char chunk[512];
            const ssize_t got = ::recv(fd, chunk, sizeof chunk, MSG_DONTWAIT);
            if (got == 0) break;
            if (got > 0) answer.append(chunk, static_cast<std::size_t>(got));
            if (got < 0) io.run_one_for(std::chrono::seconds(10));
        }
        ::close(fd);
        return answer;
    }
    /// Asks until the answer is `wanted`; the last one.
    std::string list_until(const std::string& wanted) {
        std::string last;
        for (int tries = 0; tries < 1000 && last != wanted; ++tries) {
            last = ask("list");
            if (last != wanted) io.run_one_for(std::chrono::milliseconds(20));
        }
        return last;
    }
};

} // namespace

TEST_CASE("the console daemon outlives the store's absence and keeps what it has") {
    Watched world;
    world.add(1, "one");
    REQUIRE(world.daemon.start());
    CHECK(world.ask("list") == "ok\n1 live 0 one\n");
    world.store.drop_clients();
    CHECK(world.ask("list") == "ok\n1 live 0 one\n");
    world.add(2, "two"); // while nobody is told
    CHECK(world.list_until("ok\n1 live 0 one\n2 live 0 two\n") == "ok\n1 live 0 one\n2 live 0 two\n");
    // The watches are there again.
    world.add(3, "three");
    world.machine->domains().erase(1);
    auto client = xs::Client::connect();
    REQUIRE(client);
    REQUIRE(client->introduce(3, 1, 1));
    const std::string wanted = "ok\n2 live 0 two\n3 live 0 three\n1 dead 0 one\n";
    CHECK(world.list_until(wanted) == wanted);
}

TEST_CASE("a console daemon does not start without a store") {
    Watched world;
    Options options = world.options();
    options.store = world.store.folder() / "nowhere";
    Daemon other(world.io, options);
    const Status started = other.start();
    REQUIRE_FALSE(started);
    CHECK(started.problem().text().find("nowhere") != std::string::npos);
    world.machine = new xc::FakeTransport(); // the other one went with `other`
    REQUIRE(world.daemon.start());
}

TEST_CASE("requests that are none are refused by name") {
    Watched world;
    REQUIRE(world.daemon.start());
    CHECK(world.ask("attach 7") == "error no console is kept for domain 7\n");
    CHECK(world.ask("history x") == "error not a domain number\n");
    CHECK(world.ask("reboot 1") == "error unknown request\n");
}
