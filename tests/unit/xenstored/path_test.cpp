// SPDX-License-Identifier: MIT
#include "store/path.hpp"

#include <catch2/catch.hpp>

using namespace hospes::xs;

TEST_CASE("path syntax") {
    const auto ok = [](std::string_view p) { return valid_path(p, Special::No); };
    for (const char* good : {"/", "/a", "/a/b-c_d@e/0", "/local/domain/0/device/vbd/51712"})
        CHECK(ok(good));
    for (const char* bad : {"", "a", "//", "/a/", "/a//b", "/a b", "/a.b", "/\xc3\xa9", "@x", "/a\n"})
        CHECK_FALSE(ok(bad));
    CHECK_FALSE(ok(std::string_view("/a\0b", 4)));
    CHECK(valid_path("@releaseDomain", Special::Allowed));
    CHECK_FALSE(valid_path("@release.Domain", Special::Allowed));
    CHECK(ok("/" + std::string(3071, 'x')));
    CHECK_FALSE(ok("/" + std::string(3072, 'x')));
}

TEST_CASE("path relations") {
    CHECK(is_below("/a/b", "/a"));
    CHECK(is_below("/a", "/a"));
    CHECK(is_below("/a", "/"));
    CHECK_FALSE(is_below("/ab", "/a"));
    CHECK_FALSE(is_below("@x", "/"));
    CHECK(parent_of("/a/b") == "/a");
    CHECK(parent_of("/a") == "/");
    CHECK(leaf_of("/a/b") == "b");
    CHECK(depth_of("/") == 0);
    CHECK(depth_of("/a/b") == 2);
    Components c("/a/bc");
    std::string_view name;
    CHECK((c.next(name) && name == "a" && c.prefix() == "/a"));
    CHECK((c.next(name) && name == "bc" && c.prefix() == "/a/bc"));
    CHECK_FALSE(c.next(name));
    Components root("/");
    CHECK_FALSE(root.next(name));
}
