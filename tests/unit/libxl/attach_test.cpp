// SPDX-License-Identifier: MIT
// Devices that come and go while the domain runs.
#include "libxl/device/attach.hpp"

#include <catch2/catch.hpp>

#include "libxl/device/driver_domain.hpp"
#include "libxl/domain/create.hpp"
#include "libxl/domain/record.hpp"
#include "libxl/domain/resources.hpp"
#include "libxl/hotplug/vif.hpp"
#include "world.hpp"

using namespace hospes;
using namespace hospes::xl;
using hospes::xl::test::World;
using hospes::xs::test::TestStore;

namespace {

xc::DomId make(World& world) {
    const auto made = create_domain(world.host, world.config(), {});
    INFO((made ? "" : made.problem().text()));
    REQUIRE(made);
    return made->domain;
}
DeviceDisk hot_disk() {
    DeviceDisk disk;
    disk.pdev_path = "/images/hot";
    disk.vdev = "xvdb";
    disk.format = DiskFormat::raw;
    disk.readwrite = 1;
    return disk;
}
DetachOptions quickly() {
    DetachOptions options;
    options.timeout_ms = 50;
    return options;
}

} // namespace

TEST_CASE("a disk comes, is listed, survives a reboot in the record, and goes") {
    World world;
    const auto domain = make(world);
    const auto before = world.store.tree("/libxl/1");
    const auto added = attach_disk(world.host, domain, hot_disk());
    INFO((added ? "" : added.problem().text()));
    REQUIRE(added);
    const auto listed = list_devices(world.host, domain, "vbd");
    REQUIRE(listed);
    REQUIRE(listed->size() == 1);
    CHECK((*listed)[0].devid == 51728);
    CHECK((*listed)[0].vdev == "xvdb");
    CHECK((*listed)[0].params == "/images/hot");
    CHECK((*listed)[0].mode == "w");
    CHECK((*listed)[0].state == 1);
    CHECK(find_device(world.host, domain, "vbd", "xvdb")->devid == 51728);
    CHECK(load_record(domain)->disks.size() == 1);
    CHECK(world.plugged->disks.count("/images/hot") == 1);
    CHECK(attach_disk(world.host, domain, hot_disk()).problem().code == EEXIST);
    CHECK(world.plugged->disks.count("/images/hot") == 1);

    REQUIRE(detach_device(world.host, domain, "vbd", 51728));
    CHECK(list_devices(world.host, domain, "vbd")->empty());
    CHECK(load_record(domain)->disks.empty());
    CHECK(world.plugged->disks.empty());
    CHECK(detach_device(world.host, domain, "vbd", 51728).problem().code == ENOENT);
    CHECK(world.store.tree("/local/domain/0/backend/vbd/1").size() <= 1);
}

TEST_CASE("vifs get the free ids in turn") {
    World world;
    const auto domain = make(world);
    for (const int id : {0, 1}) {
        const auto added = attach_nic(world.host, domain, DeviceNic());
        REQUIRE(added);
        CHECK(added->devid == id);
        CHECK_FALSE(added->mac.is_default());
    }
    REQUIRE(detach_device(world.host, domain, "vif", 0));
    CHECK(attach_nic(world.host, domain, DeviceNic())->devid == 0);
    CHECK(world.plugged->log.front() == "plug vif1.0 ");
    CHECK(load_record(domain)->nics.size() == 2);
}

TEST_CASE("a guest that holds on to its disk keeps it, unless forced") {
    World world;
    const auto domain = make(world);
    REQUIRE(attach_disk(world.host, domain, hot_disk()));
    world.store.write("/local/domain/1/device/vbd/51728/state", "4");
    world.store.set_backend("vbd", TestStore::Backend::stuck);
    const auto refused = detach_device(world.host, domain, "vbd", 51728, quickly());
    REQUIRE_FALSE(refused);
    CHECK(refused.problem().code == ETIMEDOUT);
    CHECK(list_devices(world.host, domain, "vbd")->size() == 1);
    CHECK(world.plugged->disks.size() == 1);
    DetachOptions force = quickly();
    force.force = true;
    REQUIRE(detach_device(world.host, domain, "vbd", 51728, force));
    CHECK(list_devices(world.host, domain, "vbd")->empty());
    CHECK(world.plugged->disks.empty());
}

TEST_CASE("a device that cannot be plugged leaves no node") {
    World world;
    const auto domain = make(world);
    REQUIRE(attach_nic(world.host, domain, DeviceNic()));
    REQUIRE(detach_device(world.host, domain, "vif", 0));
    const auto before = world.store.tree();
    world.plugged->fail_at = 2; // the check is the first
    CHECK_FALSE(attach_nic(world.host, domain, DeviceNic()));
    CHECK(world.store.tree() == before);
    world.store.set_backend("vif", TestStore::Backend::silent);
    AttachOptions options;
    options.timeout_ms = 30;
    CHECK_FALSE(attach_nic(world.host, domain, DeviceNic(), options));
    CHECK(world.store.tree() == before);
    CHECK(load_record(domain)->nics.empty());
}

TEST_CASE("the user's own scripts are called as Xen's protocol says") {
    World world;
    DomainConfig config = world.with_devices();
    config.disks[0].script = "/opt/block-x";
    config.nics[0].script = "/opt/vif-x";
    const auto made = create_domain(world.host, DomainConfig(config), {});
    REQUIRE(made);
    REQUIRE(destroy_domain(world.host, made->domain));
    CHECK(world.plugged->log ==
          std::vector<std::string>{"script /opt/block-x add vbd /local/domain/0/backend/vbd/1/51712",
                                   "script /opt/vif-x online vif /local/domain/0/backend/vif/1/0",
                                   "script /opt/block-x remove vbd /local/domain/0/backend/vbd/1/51712",
                                   "script /opt/vif-x offline vif /local/domain/0/backend/vif/1/0"});
    CHECK(is_native_vif_script("vif-bridge"));
    CHECK(is_native_vif_script("/etc/xen/scripts/vif-route"));
    CHECK_FALSE(is_native_vif_script("/opt/me/vif-bridge"));
    CHECK_FALSE(is_native_vif_script("vif-nat"));
}

TEST_CASE("a backend in another domain gets the nodes there, and nothing is plugged here") {
    World world;
    const auto driver = make(world);
    DomainConfig config = world.with_devices();
    config.c_info.name = "h";
    config.nics[0].backend_domname = config.disks[0].backend_domname = "g";
    const auto made = create_domain(world.host, DomainConfig(config), {});
    INFO((made ? "" : made.problem().text()));
    REQUIRE(made);
    const std::string home = "/local/domain/" + std::to_string(driver) + "/backend/vbd/2/51712";
    CHECK(world.store.read(home + "/state") == "2");
    CHECK(world.store.read(home + "/physical-device").empty()); // that domain's to find out
    CHECK(world.store.permissions(home) == "n1,r2");
    CHECK(world.store.permissions("/local/domain/2/device/vbd/51712") == "n2,r1");
    CHECK(world.plugged->log.empty());
    CHECK(world.plugged->disks.empty());
    REQUIRE(destroy_domain(world.host, made->domain));
    CHECK(world.store.read(home + "/state").empty());
}

TEST_CASE("a driver domain plugs what others announce, and unplugs what has closed") {
    World world;
    world.store.write("/local/domain/0/domid", "0");
    std::vector<std::string> log;
    auto service = DriverDomain::open(world.host, [&](const std::string& line) { log.push_back(line); });
    REQUIRE(service);
    const std::string vbd = "/local/domain/0/backend/vbd/7/51712", vif = "/local/domain/0/backend/vif/7/0";
    const auto announce = [&](const std::string& backend,
                              std::initializer_list<std::pair<const char*, const char*>> of) {
        for (const auto& [leaf, value] : of)
            world.store.write(backend + "/" + leaf, value);
        world.store.write(backend + "/online", "1");
        world.store.write(backend + "/state", "1"); // the kernel's backend makes 2 of it
    };
    announce(vbd, {{"params", "/images/d"}, {"mode", "w"}, {"script", "/etc/xen/scripts/block"}});
    announce(vif, {{"bridge", "br0"}, {"mac", "00:16:3e:00:00:01"}, {"script", "/etc/xen/scripts/vif-bridge"}});
    REQUIRE(service->scan());
    CHECK(world.store.read(vbd + "/physical-device") == "7:3");
    CHECK(world.store.read(vif + "/hotplug-status") == "connected");
    CHECK(world.plugged->disks.size() == 1);
    REQUIRE(service->scan()); // once is enough
    CHECK(world.plugged->log == std::vector<std::string>{"plug vif7.0 br0"});
    for (const std::string& backend : {vbd, vif}) {
        world.store.write(backend + "/online", "0");
        world.store.write(backend + "/state", "5");
    }
    REQUIRE(service->scan());
    CHECK(world.plugged->disks.empty());
    CHECK(world.store.read(vbd + "/state").empty());
    CHECK(world.store.read(vif + "/state").empty());

    // A toolstack that does not wait: the nodes are gone before anyone looked, and the service is a new one.
    announce(vbd, {{"params", "/images/d"}, {"mode", "w"}, {"script", "/etc/xen/scripts/block"}});
    announce(vif, {{"bridge", "br0"}, {"mac", "00:16:3e:00:00:01"}, {"script", "/etc/xen/scripts/vif-bridge"}});
    REQUIRE(service->scan());
    CHECK(world.plugged->disks.size() == 1);
    service = DriverDomain::open(world.host, [&](const std::string& line) { log.push_back(line); });
    REQUIRE(service);
    REQUIRE(service->scan());
    CHECK(world.plugged->disks.size() == 1); // still once
    world.store.remove(vbd);
    world.store.remove(vif);
    REQUIRE(service->scan());
    CHECK(world.plugged->disks.empty());
    CHECK(world.plugged->log.back() == "unplug vif7.0");

    world.plugged->fail_at = 1;
    announce(vbd, {{"params", "/images/none"}, {"mode", "r"}});
    REQUIRE(service->scan());
    CHECK(world.store.read(vbd + "/hotplug-error").find("/images/none") != std::string::npos);
    CHECK(world.store.read(vbd + "/physical-device").empty());
    Cancel cancel;
    cancel.request();
    CHECK(service->serve(cancel));
}

TEST_CASE("memory and vCPUs of a running domain") {
    World world;
    const auto domain = make(world);
    REQUIRE(set_memory_target(world.host, domain, 8192));
    CHECK(*memory_target(world.host, domain) == 8192);
    CHECK(world.machine->domains().at(domain).max_kib == 8192 + 1024);
    CHECK(set_memory_target(world.host, domain, 32768).problem().code == ERANGE);
    CHECK(set_memory_target(world.host, 0, 4096).problem().code == ERANGE);
    CHECK(set_memory_max(world.host, domain, 4096).problem().code == ERANGE);
    CHECK(set_memory_target(world.host, 77, 4096).problem().code == ESRCH);
    Bitmap both;
    both.set(0);
    both.set(1);
    REQUIRE(set_online_vcpus(world.host, domain, both));
    CHECK(world.store.read("/local/domain/1/cpu/1/availability") == "online");
    both.set(2);
    CHECK(set_online_vcpus(world.host, domain, both).problem().code == ERANGE);
    CHECK(retrieve_config(world.host, domain)->b_info.avail_vcpus.count() == 2);
}

TEST_CASE("the memory that a PVH guest has not touched follows its target") {
    World world;
    DomainConfig config = world.config();
    config.c_info.type = config.b_info.type = DomainType::pvh;
    config.b_info.max_memkb = 32768;
    const auto made = create_domain(world.host, DomainConfig(config), {});
    INFO((made ? "" : made.problem().text()));
    REQUIRE(made);
    const auto reserved = [&] { return world.machine->domains().at(made->domain).pod_target << 2; };
    CHECK(reserved() == 16384);
    for (const std::uint64_t kib : {24576U, 20480U}) {
        REQUIRE(set_memory_target(world.host, made->domain, kib));
        CHECK(reserved() == kib + maxmem_slack_kib);
    }
}

TEST_CASE("networks of ip=") {
    CHECK(parse_ipv4("10.1.2.3")->address == 0x0a010203);
    CHECK(parse_ipv4("10.1.2.3/8")->address == 0x0a000000);
    for (const char* wrong : {"", "10.1.2", "10.1.2.3.4", "10.1.2.300", "10.1.2.3/33", "fe80::1", "a.b.c.d"}) {
        INFO(wrong);
        CHECK_FALSE(parse_ipv4(wrong));
    }
    Mac mac{{0, 0x16, 0x3e, 1, 2, 3}};
    CHECK(ovs_add_port({"vif1.0", 0, "a \"g\"", ""}, "br0.7:1:2", mac) ==
          std::vector<std::string>{"ovs-vsctl", "--timeout=30", "--", "--if-exists", "del-port", "vif1.0", "--",
                                   "add-port", "br0", "vif1.0", "tag=7", "trunks=1,2", "--", "set", "interface",
                                   "vif1.0", "external-ids:xen-vm-name=\"a \\\"g\\\"\"",
                                   "external-ids:attached-mac=\"00:16:3e:01:02:03\""});
}
