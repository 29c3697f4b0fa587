// SPDX-License-Identifier: MIT
#include "core/init/cmdline.hpp"

#include <string>
#include <vector>

#include <catch2/catch.hpp>

#include "boot/dom0/sizing.hpp"
#include "core/debug/loglevel.hpp"
#include "core/debug/ring.hpp"
#include "drivers/serial/ns16550.hpp"

extern "C" {
// The linker script's borders; the tests pass their own lists.
extern hv::Option* const hv_options_start[];
extern hv::Option* const hv_options_end[];
hv::Option* const hv_options_start[1] = {nullptr};
hv::Option* const hv_options_end[1] = {nullptr};
}

namespace {

std::vector<std::string> complaints;
void complain(const char* word, const char* why) { complaints.push_back(std::string(word) + " " + why); }

struct Options {
    hv::BoolOption flag{"no_reboot", false};
    hv::BoolOption on{"smep", true};
    hv::NumberOption number{"maxcpus", 64};
    hv::SizeOption size{"conring_size", 0};
    hv::StringOption text{"console", "com1"};
    void parse(const char* line) {
        hv::Option* const list[] = {&flag, &on, &number, &size, &text};
        complaints.clear();
        hv::cmdline_parse(line, list, list + 5, complain);
    }
};

} // namespace

TEST_CASE("cmdline: every kind of option") {
    Options o;
    o.parse("  no-reboot no-smep maxcpus=0x10 conring_size=32k   console=com2,vga ");
    CHECK(complaints.empty());
    CHECK(o.flag.value);
    CHECK_FALSE(o.on.value);
    CHECK(o.number.value == 16);
    CHECK(o.size.value == 32 << 10);
    CHECK(std::string(o.text.value) == "com2,vga");
}

TEST_CASE("cmdline: booleans") {
    Options o;
    for (const char* yes : {"no_reboot", "no_reboot=1", "no_reboot=on", "no_reboot=true", "no_reboot=yes"}) {
        o.flag.value = false;
        o.parse(yes);
        CHECK(o.flag.value);
    }
    for (const char* no : {"no_reboot=0", "no_reboot=off", "no_reboot=false", "no_reboot=no"}) {
        o.flag.value = true;
        o.parse(no);
        CHECK_FALSE(o.flag.value);
    }
    o.parse("smep=perhaps");
    CHECK(complaints == std::vector<std::string>{"smep=perhaps is malformed"});
}

TEST_CASE("cmdline: unknown and malformed options are named and change nothing") {
    Options o;
    o.parse("frobnicate maxcpus=many maxcpus= conring_size=9999999999T no-maxcpus=3 x=y");
    CHECK(complaints == std::vector<std::string>{"frobnicate is unknown", "maxcpus=many is malformed",
                                                 "maxcpus= is malformed", "conring_size=9999999999T is malformed",
                                                 "no-maxcpus=3 is malformed", "x=y is unknown"});
    CHECK(o.number.value == 64);
    CHECK(o.size.value == 0);
    CHECK_FALSE(o.number.given);
}

TEST_CASE("cmdline: quotes, overlong words and the end mark") {
    Options o;
    o.parse("console=\"a b\" maxcpus='7'");
    CHECK(std::string(o.text.value) == "a b");
    CHECK(o.number.value == 7);
    o.parse((std::string("console=") + std::string(300, 'x') + " maxcpus=8").c_str());
    CHECK(complaints.size() == 1);
    CHECK(o.number.value == 8);
    o.parse((std::string("console=") + std::string(100, 'x')).c_str());
    CHECK(complaints.size() == 1);
    o.parse("maxcpus=9 -- maxcpus=10");
    CHECK(o.number.value == 9);
    CHECK(complaints.empty());
}

TEST_CASE("cmdline: dom0_mem") {
    hv::Dom0Memory m;
    REQUIRE(hv::dom0_memory_parse("512M,min:256M,max:1G", m));
    CHECK(m.size.pages == 0x20000);
    CHECK(m.min.pages == 0x10000);
    CHECK(m.max.pages == 0x40000);
    CHECK(hv::dom0_memory_pages(m, 0x100000) == 0x20000);
    CHECK(hv::dom0_memory_pages(m, 0x8000) == 0x8000 - 0x800); // never more than there is
    REQUIRE(hv::dom0_memory_parse("max:64M", m));
    CHECK_FALSE(m.size.given);
    CHECK(hv::dom0_memory_pages(m, 0x100000) == 0x4000);
    REQUIRE(hv::dom0_memory_parse("-256M", m));
    CHECK(hv::dom0_memory_pages(m, 0x40000) == 0x30000);
    REQUIRE(hv::dom0_memory_parse("50%", m));
    CHECK(hv::dom0_memory_pages(m, 100000) == 50000);
    CHECK(hv::dom0_memory_pages({}, 0x10000) == 0xf000);
    CHECK(hv::dom0_memory_pages({}, 0x1000000) == 0x1000000 - 0x8000);
    const hv::Dom0Memory before = m;
    for (const char* bad : {"", ",", "512M,", "min:", "512M;1G", "101%", "x", "min:1G,foo:2G", "99999999999999999999"})
        CHECK_FALSE(hv::dom0_memory_parse(bad, m));
    CHECK(m.size.percent == before.size.percent);
}

TEST_CASE("cmdline: dom0_max_vcpus") {
    hv::Dom0Vcpus v;
    CHECK((hv::dom0_vcpus_parse("4", v) && v.min == 4 && v.max == 4));
    CHECK((hv::dom0_vcpus_parse("2-6", v) && v.min == 2 && v.max == 6));
    CHECK((hv::dom0_vcpus_parse("-3", v) && v.min == 1 && v.max == 3));
    CHECK((hv::dom0_vcpus_parse("3-", v) && v.min == 3 && v.max == ~0U));
    for (const char* bad : {"", "0", "-", "6-2", "2-x", "99999999", "1-2-3"})
        CHECK_FALSE(hv::dom0_vcpus_parse(bad, v));
}

TEST_CASE("cmdline: com1") {
    hv::SerialConfig c;
    REQUIRE(hv::serial_parse("57600,8n1,0x2f8,3", c));
    CHECK(c.baud == 57600);
    CHECK(c.line_control == 3);
    CHECK(c.port == 0x2f8);
    CHECK(c.irq == 3);
    REQUIRE(hv::serial_parse("auto,7e2", c));
    CHECK(c.baud == 0);
    CHECK(c.line_control == (2 | 4 | 0x18));
    for (const char* bad : {"abc", "1000000", "115200,9n1", "115200,8q1", "115200,8n1,xyz", "115200,8n1,0x3f8,4,5",
                            "115200,8n1,0x3f8,300", "0", "115200,8", "115200,8n"})
        CHECK_FALSE(hv::serial_parse(bad, c));
    CHECK(c.port == 0x2f8);
}

TEST_CASE("loglevel: thresholds") {
    hv::LogThreshold t{9, 9};
    CHECK((hv::log_threshold_parse("all", t) && t.always == 4 && t.limited == 4));
    CHECK((hv::log_threshold_parse("none/warning", t) && t.always == 0 && t.limited == 2));
    CHECK((hv::log_threshold_parse("error", t) && t.always == 1 && t.limited == 1));
    for (const char* bad : {"", "loud", "info/error", "all/", "error/info/all"})
        CHECK_FALSE(hv::log_threshold_parse(bad, t));
}

TEST_CASE("loglevel: rate limit passes a burst, then one by one") {
    hv::RateLimit limit(3, 100);
    int passed = 0;
    for (int i = 0; i < 10; ++i)
        passed += limit.pass(1000);
    CHECK(passed == 3);
    CHECK(limit.take_missed() == 7);
    CHECK(limit.take_missed() == 0);
    CHECK(limit.pass(1100));
    CHECK_FALSE(limit.pass(1150));
    CHECK(limit.pass(1200));
    passed = 0;
    for (int i = 0; i < 10; ++i)
        passed += limit.pass(1'000'000'000);
    CHECK(passed == 3);
}

TEST_CASE("console ring: keeps the newest text at running positions") {
    char small[8], large[32];
    hv::TextRing ring(small, sizeof(small));
    char out[64] = {};
    ring.put("abcdef", 6);
    CHECK(std::string(out, ring.copy(ring.first(), out, 64)) == "abcdef");
    ring.put("ghij", 4);
    CHECK(ring.first() == 2);
    CHECK(std::string(out, ring.copy(ring.first(), out, 64)) == "cdefghij");
    CHECK(ring.clamp(0) == 2);
    CHECK(ring.clamp(5) == 5);
    CHECK(ring.clamp(11) == 2);
    CHECK(std::string(out, ring.copy(8, out, 1)) == "i");
    ring.enlarge(large, sizeof(large));
    ring.put("0123456789", 10);
    CHECK(std::string(out, ring.copy(ring.first(), out, 64)) == "cdefghij0123456789");
    ring.clear();
    CHECK(ring.copy(ring.first(), out, 64) == 0);
}
