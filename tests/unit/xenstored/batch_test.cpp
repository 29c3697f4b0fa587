// SPDX-License-Identifier: MIT
// Receives and sends in one entry into the kernel: each has the result that the plain call would have had.
#include "net/batch.hpp"

#include <catch2/catch.hpp>

#include <cerrno>
#include <string>

#include <sys/socket.h>
#include <unistd.h>

using hospes::xs::Batch;

TEST_CASE("a batch answers as the calls that it stands for") {
    Batch batch;
    if (!batch.open()) {
        WARN("no io_uring here");
        return;
    }
    int a[2], b[2], c[2];
    for (int* pair : {a, b, c})
        REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0);
    char from_a[16] = {}, from_b[16] = {}, from_c[16] = {};
    for (int round = 0; round < 200; ++round) { // the rings go round
        REQUIRE(::send(a[1], "one", 3, 0) == 3);
        batch.receive(a[0], from_a, sizeof from_a);
        batch.receive(b[0], from_b, sizeof from_b);
        batch.send(c[0], "three", 5);
        REQUIRE(batch.count() == 3);
        REQUIRE(batch.run());
        CHECK(batch.count() == 0);
        REQUIRE(batch.result(0) == 3);
        CHECK(std::string(from_a, 3) == "one");
        CHECK(batch.result(1) == -EAGAIN); // it does not wait
        REQUIRE(batch.result(2) == 5);
        REQUIRE(::recv(c[1], from_c, sizeof from_c, 0) == 5);
    }
    ::close(a[1]);
    ::close(c[1]);
    batch.receive(a[0], from_a, sizeof from_a);
    batch.send(c[0], "lost", 4);
    REQUIRE(batch.run());
    CHECK(batch.result(0) == 0);
    CHECK(batch.result(1) == -EPIPE); // and no SIGPIPE
    for (const int fd : {a[0], b[0], b[1], c[0]})
        ::close(fd);
}
