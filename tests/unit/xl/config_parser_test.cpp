// SPDX-License-Identifier: MIT
#include "xl/config/parser.hpp"

#include <catch2/catch.hpp>
#include <random>

using namespace hospes::cfg;

namespace {

File good(std::string_view text) {
    auto result = parse(text, "guest.cfg");
    if (const auto* error = std::get_if<Diagnostic>(&result)) FAIL(error->render());
    return std::get<File>(std::move(result));
}
Diagnostic bad(std::string_view text) {
    auto result = parse(text, "guest.cfg");
    REQUIRE(std::holds_alternative<Diagnostic>(result));
    return std::get<Diagnostic>(std::move(result));
}

} // namespace

TEST_CASE("strings, numbers, lists and comments") {
    const File file = good("name = \"pv1\"  # the guest\nmemory=256\nvcpus = 0x2;tsc_mode='native'\n"
                           "disk = [ 'phy:/dev/vg/a,xvda,w',\n  \"file:/b,xvdb,r\", ] # two\n");
    REQUIRE(file.settings.size() == 5);
    CHECK(file.find("name")->value.text() == "pv1");
    CHECK(file.find("memory")->value.text() == "256");
    CHECK_FALSE(file.find("memory")->value.quoted);
    CHECK(file.find("vcpus")->value.text() == "0x2");
    CHECK(file.find("tsc_mode")->value.text() == "native");
    const List& disks = file.find("disk")->value.list();
    REQUIRE(disks.size() == 2);
    CHECK(disks[1].text() == "file:/b,xvdb,r");
    CHECK(file.find("disk")->place.line == 4);
}

TEST_CASE("a hash inside quotes is text and escapes are resolved") {
    const File file = good(R"(extra = "root=/dev/xvda # \"quoted\"\tx")");
    CHECK(file.find("extra")->value.text() == "root=/dev/xvda # \"quoted\"\tx");
    CHECK(good(R"(a = "\x41\101\\\a")").find("a")->value.text() == "AA\\\a");
    for (const char* const text : {R"(a="\q")", R"(a="\x4")", R"(a="\18")", R"(a="\000")", R"(a="\777")", "a=\"\\"})
        CHECK(bad(text).message.find("str") != std::string::npos);
}

TEST_CASE("the later setting wins and += appends") {
    const File file = good("a=1\na=2\nl=['x']\nl+=['y']\ns='p'\ns+='q'\n");
    CHECK(file.find("a")->value.text() == "2");
    CHECK(file.find("l")->value.list().size() == 2);
    CHECK(file.find("s")->value.text() == "pq");
    CHECK(bad("l=['x']\nl+='y'").message.find("mixes") != std::string::npos);
}

TEST_CASE("names may have dots, for xl.conf") {
    CHECK(good("vif.default.bridge = \"br0\"").find("vif.default.bridge")->value.text() == "br0");
}

TEST_CASE("nested and empty lists") {
    const File file = good("vnuma = [ [ 'pnode=0', 'size=1' ], [] ]\ne = []");
    CHECK(file.find("vnuma")->value.list()[0].list().size() == 2);
    CHECK(file.find("e")->value.list().empty());
    CHECK(bad("a=" + std::string(100, '[')).message == "lists are nested too deeply");
}

TEST_CASE("an error names file, line and column, shows the line and hints") {
    const Diagnostic error = bad("name='x'\nmemory = lots\n");
    CHECK(error.render() == "guest.cfg:2:10: a value must be a number, a quoted string or a [ list ]\n"
                            "    memory = lots\n"
                            "             ^\n"
                            "    hint: write \"lots\" in quotes");
    CHECK(bad("a='open").message == "string is not closed on its line");
    CHECK(bad("a=12z").message == "malformed number '12z'");
    CHECK(bad("a=0x").message == "malformed number '0x'");
    CHECK(bad("= 3").message == "expected a setting, NAME = VALUE");
    CHECK(bad("a 3").message == "expected '=' after 'a'");
    CHECK(bad("a=['x' 'y']").message == "expected ',' or ']' in the list");
    CHECK(bad("a=['x'").message == "expected ',' or ']' in the list");
    CHECK(bad("a=1 b=2").message == "unexpected text after the value of 'a'");
    CHECK(bad("a=$").message == "unexpected character '$'");
}

TEST_CASE("an override wins, and a bad one changes nothing") {
    File file = good("memory=1\n");
    CHECK(std::holds_alternative<std::monostate>(parse_override(file, "memory=2")));
    CHECK(file.find("memory")->value.text() == "2");
    CHECK(std::holds_alternative<Diagnostic>(parse_override(file, "memory=3; vcpus=")));
    CHECK(std::holds_alternative<std::monostate>(parse_override(file, "name=web; extra=root=/dev/xvda ro")));
    CHECK(file.find("name")->value.text() == "web");
    CHECK(file.find("extra")->value.text() == "root=/dev/xvda ro");
    CHECK(std::holds_alternative<std::monostate>(parse_override(file, "vif = ['', 'mac=1'] ; name=\"quoted\"")));
    CHECK(file.find("vif")->value.list().size() == 2);
    CHECK(file.find("name")->value.text() == "quoted");
    CHECK(file.find("memory")->value.text() == "2");
}

TEST_CASE("closest name") {
    const std::vector<std::string_view> known{"memory", "maxmem", "vcpus", "kernel"};
    CHECK(closest_name("memroy", known) == "memory");
    CHECK(closest_name("vcpu", known) == "vcpus");
    CHECK(closest_name("bananas", known).empty());
}

TEST_CASE("random bytes never crash the parser") {
    std::mt19937 random(1);
    constexpr std::string_view alphabet = "ab=+[]'\",;#\n\\ 0x-";
    for (int round = 0; round < 20000; ++round) {
        std::string text;
        for (unsigned n = random() % 40; n > 0; --n)
            text += round % 2 ? static_cast<char>(random()) : alphabet[random() % alphabet.size()];
        const auto result = parse(text, "x");
        if (const auto* error = std::get_if<Diagnostic>(&result)) CHECK_FALSE(error->render().empty());
    }
}
