// SPDX-License-Identifier: MIT
// Work in a process of its own: its answer, its error, its end.
#include "libxl/core/worker.hpp"

#include <catch2/catch.hpp>
#include <signal.h>
#include <unistd.h>

#include <cerrno>

using namespace hospes;
using namespace hospes::xl;

TEST_CASE("a worker's answer comes back, whatever is in it") {
    const std::string text("a\0b \n", 5), large(300'000, 'x');
    for (const std::string& answer : {text, large, std::string()}) {
        auto worker = Worker::start([&answer]() -> Result<std::string> { return answer; });
        REQUIRE(worker);
        const auto result = worker->finish(nullptr);
        REQUIRE(result);
        CHECK(*result == answer);
    }
}

TEST_CASE("a worker's error comes back whole") {
    auto worker = Worker::start(
        []() -> Result<std::string> { return error("load: it", ENOMEM, "no room 3:x", "buy some\nmore"); });
    REQUIRE(worker);
    const auto result = worker->finish(nullptr);
    REQUIRE_FALSE(result);
    CHECK(result.problem().stage == "load: it");
    CHECK(result.problem().cause == "no room 3:x");
    CHECK(result.problem().code == ENOMEM);
    CHECK(result.problem().hint == "buy some\nmore");
}

TEST_CASE("a worker that dies is an error") {
    auto worker = Worker::start([]() -> Result<std::string> {
        ::raise(SIGKILL);
        return std::string();
    });
    REQUIRE(worker);
    const auto result = worker->finish(nullptr);
    REQUIRE_FALSE(result);
    CHECK(result.problem().cause == "the process that was at it died");
}

TEST_CASE("whoever is no longer wanted is not waited for") {
    Cancel cancel;
    int ends[2];
    REQUIRE(::pipe(ends) == 0);
    {
        auto worker = Worker::start([]() -> Result<std::string> {
            for (;;)
                ::pause();
        });
        REQUIRE(worker);
        ::close(ends[1]); // the worker holds the only other end
        cancel.request();
        const auto result = worker->finish(&cancel);
        REQUIRE_FALSE(result);
        CHECK(result.problem().code == ECANCELED);
    }
    char byte = 0;
    CHECK(::read(ends[0], &byte, 1) == 0); // gone with the object
    ::close(ends[0]);
}
