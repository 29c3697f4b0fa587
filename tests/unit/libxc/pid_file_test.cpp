// SPDX-License-Identifier: MIT
#include "xc/pid_file.hpp"

#include <catch2/catch.hpp>

#include <cerrno>
#include <cstdio>
#include <string>

#include <unistd.h>

using hospes::xc::write_pid_file;

TEST_CASE("a daemon's pid file holds its number, or the reason is known") {
    const std::string path = "pid_file_test." + std::to_string(::getpid());
    REQUIRE(write_pid_file(path) == 0);
    long pid = 0;
    std::FILE* const f = std::fopen(path.c_str(), "re");
    REQUIRE(f);
    CHECK(std::fscanf(f, "%ld", &pid) == 1);
    std::fclose(f);
    ::unlink(path.c_str());
    CHECK(pid == ::getpid());

    CHECK(write_pid_file("") == 0);
    CHECK(write_pid_file("/nonexistent/daemon.pid") == ENOENT);
    CHECK(write_pid_file("/dev/full") == ENOSPC);
}
