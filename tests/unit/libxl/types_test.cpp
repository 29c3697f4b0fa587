// SPDX-License-Identifier: MIT
#include "libxl/types/json.hpp"

#include <catch2/catch.hpp>

using namespace hospes::xl;

namespace {

DomainConfig sample() {
    DomainConfig config;
    config.c_info.name = "pv1";
    config.c_info.type = DomainType::pv;
    parse("12345678-9abc-def0-1234-56789abcdef0", config.c_info.uuid);
    config.b_info.type = DomainType::pv;
    config.b_info.max_vcpus = 2;
    config.b_info.avail_vcpus.set(0);
    config.b_info.avail_vcpus.set(1);
    config.b_info.max_memkb = 262144;
    config.b_info.claim_mode = false;
    config.b_info.pv.e820_host = true;
    DeviceDisk& disk = config.disks.emplace_back();
    disk.vdev = "xvda";
    disk.backend = DiskBackend::phy;
    DeviceNic& nic = config.nics.emplace_back();
    parse("00:16:3e:01:02:03", nic.mac);
    nic.devid = 0;
    config.channels.push_back({0, "", 0, "c", ChannelConnection::socket, "/run/x"});
    return config;
}

} // namespace

TEST_CASE("JSON has libxl's shape") {
    const std::string text = to_json(sample(), false);
    CHECK(text ==
          R"({"c_info":{"type":"pv","name":"pv1","uuid":"12345678-9abc-def0-1234-56789abcdef0"},)"
          R"("b_info":{"max_vcpus":2,"avail_vcpus":[0,1],"max_memkb":262144,"sched_params":{},"claim_mode":"False",)"
          R"("type.pv":{"e820_host":"True"},"arch_arm":{},"arch_x86":{}},)"
          R"("disks":[{"vdev":"xvda","backend":"phy"}],"nics":[{"devid":0,"mac":"00:16:3e:01:02:03"}],)"
          R"("channels":[{"devid":0,"name":"c","connection.socket":{"path":"/run/x"}}],)"
          R"("on_reboot":"restart","on_soft_reset":"soft_reset"})");
}

TEST_CASE("JSON round trip") {
    const std::string text = to_json(sample());
    const auto back = domain_config_from_json(text);
    REQUIRE(std::holds_alternative<DomainConfig>(back));
    CHECK(to_json(std::get<DomainConfig>(back)) == text);
}

TEST_CASE("JSON errors name the place") {
    const auto error = [](std::string_view text) { return std::get<JsonError>(domain_config_from_json(text)); };
    CHECK(error(R"({"b_info":{"max_memkb":"many"}})").where == "b_info.max_memkb");
    CHECK(error(R"({"b_info":{"max_memkb":99999999999999999999999}})").what == "expected an integer in range");
    CHECK(error(R"({"c_info":{"type":"vm"}})").where == "c_info.type");
    CHECK(error(R"({"disks":{}})").what == "expected an array");
    CHECK(error(R"({"disks":)").where == "syntax");
    CHECK(error(R"([])").what == "expected an object");
    CHECK(error(R"({"b_info":{"cpumap":[4000000000]}})").where == "b_info.cpumap");
}

TEST_CASE("unknown members are ignored") {
    const auto result = domain_config_from_json(R"({"c_info":{"name":"a","novel":[1,{"x":2}]},"other":null})");
    REQUIRE(std::holds_alternative<DomainConfig>(result));
    CHECK(std::get<DomainConfig>(result).c_info.name == "a");
}

TEST_CASE("uuid and mac texts") {
    Uuid uuid;
    CHECK(parse("123456789abcdef0123456789abcdef0", uuid));
    CHECK(to_string(uuid) == "12345678-9abc-def0-1234-56789abcdef0");
    CHECK_FALSE(parse("1234", uuid));
    CHECK_FALSE(parse("12345678-9abc-def0-1234-56789abcdef0x", uuid));
    Mac mac;
    CHECK(parse("00:16:3E:aa:bb:cc", mac));
    CHECK(to_string(mac) == "00:16:3e:aa:bb:cc");
    CHECK_FALSE(parse("00163eaabbcc", mac));
    CHECK_FALSE(parse("00:16:3e:aa:bb", mac));
    CHECK(to_string(random_mac()).starts_with("00:16:3e:"));
    CHECK((random_uuid().bytes[6] & 0xf0) == 0x40);
}

TEST_CASE("bitmaps compare as sets") {
    Bitmap a, b;
    a.set(3);
    a.set(200);
    a.clear(200);
    b.set(3);
    CHECK(a == b);
    CHECK(a.limit() == 4);
    CHECK(a.count() == 1);
    CHECK(a.members() == std::vector<unsigned>{3});
}
