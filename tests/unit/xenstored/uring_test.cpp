// SPDX-License-Identifier: MIT
// Operations given to the kernel together: each has the result that the plain call would have had.
#include "net/uring.hpp"

#include <catch2/catch.hpp>

#include <cerrno>
#include <map>
#include <string>

#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

using hospes::xs::Uring;

namespace {

struct Rig {
    Uring ring;
    int a[2] = {-1, -1}, b[2] = {-1, -1};
    std::map<std::uint64_t, long> results;

    Rig() {
        for (int* pair : {a, b})
            REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0);
    }
    ~Rig() {
        for (const int fd : {a[0], a[1], b[0], b[1]})
            ::close(fd);
    }
    void take() {
        ring.take([&](std::uint64_t tag, long result) { results[tag] = result; });
    }
    void wait_for(std::uint64_t tag) {
        for (int tries = 0; tries < 100 && !results.count(tag); ++tries) {
            REQUIRE(ring.enter(1) == 0);
            take();
        }
        REQUIRE(results.count(tag));
    }
};

} // namespace

TEST_CASE("what is sent leaves at once, what is received comes when it is there") {
    Rig r;
    if (!r.ring.open()) {
        WARN("no io_uring here");
        return;
    }
    char to[16] = {}, from[16] = {};
    for (int round = 0; round < 400; ++round) { // the rings go round
        r.results.clear();
        REQUIRE(r.ring.receive(r.a[0], to, sizeof to, 1));
        REQUIRE(r.ring.send(r.b[0], "three", 5, 2));
        CHECK(r.ring.added() == 2);
        REQUIRE(r.ring.enter(1) == 0);
        CHECK(r.ring.added() == 0);
        r.take();
        REQUIRE(r.results.at(2) == 5);
        REQUIRE(::recv(r.b[1], from, sizeof from, 0) == 5);
        CHECK(r.results.count(1) == 0); // it waits
        REQUIRE(::send(r.a[1], "one", 3, 0) == 3);
        r.wait_for(1);
        REQUIRE(r.results.at(1) == 3);
        CHECK(std::string(to, 3) == "one");
        CHECK(r.ring.outstanding() == 0);
    }
}

TEST_CASE("the ring tells of ends, of full sockets and of what was cancelled") {
    Rig r;
    if (!r.ring.open()) return;
    char to[16] = {};
    const std::string much(1 << 20, 'x');
    REQUIRE(r.ring.send(r.b[0], much.data(), much.size(), 1));
    REQUIRE(r.ring.enter(1) == 0);
    r.take();
    CHECK(r.results.at(1) > 0);
    CHECK(r.results.at(1) < static_cast<long>(much.size()));
    REQUIRE(r.ring.send(r.b[0], much.data(), much.size(), 2));
    REQUIRE(r.ring.poll(r.b[0], POLLOUT, 3));
    REQUIRE(r.ring.enter(1) == 0);
    r.take();
    CHECK(r.results.at(2) == -EAGAIN); // it does not wait
    CHECK(r.results.count(3) == 0);
    std::string drained(much.size(), '\0');
    while (::recv(r.b[1], drained.data(), drained.size(), MSG_DONTWAIT) > 0) {
    }
    r.wait_for(3);
    CHECK((r.results.at(3) & POLLOUT) != 0);
    REQUIRE(r.ring.receive(r.a[0], to, sizeof to, 4));
    REQUIRE(r.ring.enter(0) == 0);
    REQUIRE(r.ring.cancel(4));
    r.wait_for(4);
    CHECK(r.results.at(4) == -ECANCELED);
    REQUIRE(r.ring.receive(r.a[0], to, sizeof to, 5));
    ::shutdown(r.a[1], SHUT_RDWR);
    r.wait_for(5);
    CHECK(r.results.at(5) == 0);
    REQUIRE(r.ring.send(r.a[0], "lost", 4, 6));
    r.wait_for(6);
    CHECK(r.results.at(6) == -EPIPE); // and no SIGPIPE
}

TEST_CASE("more operations than fit one entry take more entries") {
    Rig r;
    if (!r.ring.open()) return;
    constexpr unsigned many = Uring::limit * 2 + 7;
    for (unsigned i = 1; i <= many; ++i)
        REQUIRE(r.ring.send(r.a[0], "x", 1, i));
    REQUIRE(r.ring.enter(0) == 0);
    r.take();
    CHECK(r.results.size() == many);
    std::string got(many + 1, '\0');
    CHECK(::recv(r.a[1], got.data(), got.size(), 0) > 0);
}
