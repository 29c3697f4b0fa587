// SPDX-License-Identifier: MIT
// Creation against a modelled hypervisor and a real store; above all: that a failure at any step leaves nothing.
#include "libxl/domain/create.hpp"

#include <catch2/catch.hpp>

#include "libxl/domain/record.hpp"
#include "libxl/domain/resources.hpp"
#include "world.hpp"

using namespace hospes;
using namespace hospes::xl;
using hospes::xl::test::World;
using hospes::xs::test::TestStore;

namespace {

/// What a host without guests has in its store, once guests have been there.
std::map<std::string, std::string> empty_store(World& world) {
    const auto made = create_domain(world.host, world.with_devices(), {});
    INFO((made ? "" : made.problem().text()));
    REQUIRE(made);
    REQUIRE(destroy_domain(world.host, made->domain));
    return world.store.tree();
}

void check_nothing_left(World& world, const std::map<std::string, std::string>& before) {
    CHECK(world.guests().empty());
    CHECK(world.store.tree() == before);
    CHECK(world.files().empty());
    CHECK(world.plugged->disks.empty());
    CHECK(world.store.introduced().empty());
    CHECK(world.machine->held() == 0);
}

} // namespace

TEST_CASE("a domain is made, with everything that its guest and its backends look for") {
    World world;
    CreateOptions options;
    options.supervision = Supervision::daemon;
    const auto made = create_domain(world.host, world.with_devices(), options);
    INFO((made ? "" : made.problem().text()));
    REQUIRE(made);
    const std::string home = "/local/domain/" + std::to_string(made->domain);
    CHECK(world.store.read(home + "/name") == "g");
    CHECK(world.store.read(home + "/cpu/0/availability") == "online");
    CHECK(world.store.read(home + "/cpu/1/availability") == "offline");
    CHECK(world.store.read(home + "/memory/target") == "16384");
    CHECK(world.store.permissions(home + "/device/vbd/51712") == "n1,r0");
    CHECK(world.store.permissions(home + "/device/vif/0/mtu") == "n0,r1");
    const std::string vbd = "/local/domain/0/backend/vbd/1/51712";
    CHECK(world.store.read(vbd + "/physical-device") == "7:3");
    CHECK(world.store.read(vbd + "/state") == "2");
    CHECK(world.store.permissions(vbd + "/mode") == "n0,r1");
    CHECK(world.store.read("/local/domain/0/backend/vif/1/0/hotplug-status") == "connected");
    CHECK(world.plugged->log == std::vector<std::string>{"plug vif1.0 xenbr0"});
    CHECK(world.store.read("/libxl/1/supervision") == "daemon");
    CHECK(world.store.tree("/libxl/1").count("/libxl/1/creating") == 0);
    CHECK(world.store.tree("/tool/hospes/creating").size() == 1);
    CHECK(world.store.introduced() == std::set<unsigned>{1});
    const auto& domain = world.machine->domains().at(made->domain);
    CHECK(domain.pauses == 0);
    CHECK(domain.claim == 0);
    CHECK(domain.max_kib == 16384 + 1024);
    const auto record = load_record(made->domain);
    REQUIRE(record);
    CHECK(std::equal(std::begin(domain.handle), std::end(domain.handle), record->c_info.uuid.bytes.begin()));
    CHECK(world.machine->held() == 0);
}

TEST_CASE("a failed hypercall leaves nothing, whichever it is") {
    World world;
    const auto before = empty_store(world);
    unsigned steps = 0;
    for (unsigned n = 1;; ++n) {
        INFO("step " << n);
        world.machine->fail_step(n, ENOMEM);
        const auto made = create_domain(world.host, world.with_devices(), {});
        if (!world.machine->failed()) {
            REQUIRE(made);
            break;
        }
        if (made) { // a step that creation can do without
            REQUIRE(destroy_domain(world.host, made->domain));
        } else {
            CHECK(!made.problem().stage.empty());
            CHECK(!made.problem().cause.empty());
        }
        check_nothing_left(world, before);
        steps = n;
    }
    CHECK(steps > 50);
}

TEST_CASE("a refused store request leaves nothing, whichever it is") {
    const auto fault = GENERATE(TestStore::Fault::refuse, TestStore::Fault::disconnect);
    World world;
    const auto before = empty_store(world);
    unsigned steps = 0;
    for (unsigned n = 1;; ++n) {
        INFO("request " << n);
        world.store.fail_request(n, fault);
        const auto made = create_domain(world.host, world.with_devices(), {});
        if (!world.store.failed()) {
            REQUIRE(made);
            break;
        }
        if (made) REQUIRE(destroy_domain(world.host, made->domain));
        check_nothing_left(world, before);
        world.host.drop_store(); // the next xl connects for itself
        steps = n;
    }
    CHECK(steps > 50);
}

TEST_CASE("a host that cannot plug a device leaves nothing") {
    World world;
    const auto before = empty_store(world);
    for (int n = 1; n <= 4; ++n) { // two checks, a disk, a vif
        INFO("call " << n);
        world.plugged->fail_at = n;
        const auto made = create_domain(world.host, world.with_devices(), {});
        REQUIRE_FALSE(made);
        check_nothing_left(world, before);
    }
    world.plugged->fail_at = 5;
    CHECK(create_domain(world.host, world.with_devices(), {}));
}

TEST_CASE("a backend that fails says why, one that is silent is not waited for for ever") {
    World world;
    const auto before = empty_store(world);
    world.store.set_backend("vbd", TestStore::Backend::refuses);
    auto made = create_domain(world.host, world.with_devices(), {});
    REQUIRE_FALSE(made);
    CHECK(made.problem().stage == "attach devices");
    CHECK(made.problem().cause.find("disk xvda") != std::string::npos);
    CHECK(made.problem().cause.find("no room") != std::string::npos);
    world.store.remove("/local/domain/0/error");
    check_nothing_left(world, before);
    world.store.set_backend("vbd", TestStore::Backend::works);

    world.store.set_backend("vif", TestStore::Backend::silent);
    CreateOptions options;
    options.device_timeout_ms = 50;
    made = create_domain(world.host, world.with_devices(), options);
    REQUIRE_FALSE(made);
    CHECK(made.problem().cause.find("vif 0") != std::string::npos);
    CHECK(made.problem().hint == "is module xen-netback loaded?");
}

TEST_CASE("creation is cancelled at every stage") {
    World world;
    const auto before = empty_store(world);
    for (int stage = 0; stage < 6; ++stage) {
        Cancel cancel;
        int seen = 0;
        CreateOptions options;
        options.cancel = &cancel;
        options.progress = [&](std::string_view) {
            if (seen++ == stage) cancel.request();
        };
        const auto made = create_domain(world.host, world.with_devices(), options);
        REQUIRE_FALSE(made);
        CHECK(made.problem().cause.find("interrupted") != std::string::npos);
        check_nothing_left(world, before);
    }
}

TEST_CASE("memory: what is needed, free and claimed is said") {
    World world;
    DomainConfig big = world.config();
    big.b_info.max_memkb = big.b_info.target_memkb = 8U << 20;
    const auto made = create_domain(world.host, DomainConfig(big), {});
    REQUIRE_FALSE(made);
    CHECK(made.problem().stage == "check the configuration");
    CHECK(made.problem().cause.find("needs 8194 MiB") != std::string::npos);
    CHECK(made.problem().cause.find("are free") != std::string::npos);
    CHECK(made.problem().cause.find("autoballooning of dom0 is off") != std::string::npos);
}

TEST_CASE("autoballooning gives dom0 its memory back when it was of no use") {
    World world;
    DomainConfig big = world.config();
    const std::uint64_t free_kib = world.machine->free_pages() << 2;
    big.b_info.max_memkb = big.b_info.target_memkb = free_kib + 65536;
    CreateOptions options;
    options.autoballoon = true;
    options.device_timeout_ms = 150; // nobody frees anything here
    const auto made = create_domain(world.host, DomainConfig(big), options);
    REQUIRE_FALSE(made);
    INFO(made.problem().text());
    CHECK(made.problem().cause.find("did not give") != std::string::npos);
    CHECK(world.store.read("/local/domain/0/memory/target") == "1048576");
}

TEST_CASE("autoballooning works with a dom0 whose target nobody has set, and keeps its limit") {
    World world;
    world.store.remove("/local/domain/0/memory");
    world.machine->domains()[0].pages = 65536;
    world.machine->domains()[0].max_kib = 1 << 19;
    const xc::DomainInfo dom0 = *(*world.host.control())->info(0);
    CHECK(*memory_target(world.host, 0) == dom0.tot_pages << 2);
    const std::uint64_t less = (dom0.tot_pages << 2) - 4096;
    REQUIRE(set_memory_target(world.host, 0, less));
    CHECK(*memory_target(world.host, 0) == less);
    CHECK((*world.host.control())->info(0)->max_pages < dom0.tot_pages);
    REQUIRE(set_memory_target(world.host, 0, dom0.tot_pages << 2));
    CHECK(world.store.read("/local/domain/0/memory/static-max") == "524288");
}

TEST_CASE("a name is given once, a vdev and an id, too") {
    World world;
    REQUIRE(create_domain(world.host, world.config(), {}));
    const auto twice = create_domain(world.host, world.config(), {});
    REQUIRE_FALSE(twice);
    CHECK(twice.problem().cause.find("has the name 'g' already") != std::string::npos);
    DomainConfig c = world.with_devices();
    c.c_info.name = "h";
    c.disks.push_back(c.disks[0]);
    const auto same_disk = create_domain(world.host, DomainConfig(c), {});
    REQUIRE_FALSE(same_disk);
    CHECK(same_disk.problem().cause.find("two disks have this name") != std::string::npos);
    CHECK(world.guests().size() == 1);
}

TEST_CASE("the guest's clock is set apart from UTC when the configuration wants that") {
    World world;
    std::vector<std::int64_t> offsets;
    world.machine->on(__HYPERVISOR_domctl, XEN_DOMCTL_settimeoffset, [&](const std::array<std::uint64_t, 5>& args) {
        offsets.push_back(reinterpret_cast<const xen_domctl*>(args[0])->u.settimeoffset.time_offset_seconds);
        return 0L;
    });
    REQUIRE(create_domain(world.host, world.config("utc"), {}));
    CHECK(offsets.empty());
    DomainConfig config = world.config("ahead");
    config.b_info.rtc_timeoffset = 3600;
    REQUIRE(create_domain(world.host, DomainConfig(config), {}));
    config = world.config("local");
    config.b_info.localtime = true;
    config.b_info.rtc_timeoffset = static_cast<std::uint32_t>(-60);
    ::setenv("TZ", "UTC-2", 1); // two hours east of it
    ::tzset();
    const auto made = create_domain(world.host, DomainConfig(config), {});
    ::unsetenv("TZ");
    ::tzset();
    REQUIRE(made);
    CHECK(offsets == std::vector<std::int64_t>{3600, 7140});
}

TEST_CASE("virtual NUMA names nodes that the machine has") {
    World world;
    DomainConfig config = world.config();
    config.b_info.vnuma_nodes.resize(1);
    VnodeInfo& node = config.b_info.vnuma_nodes[0];
    node.memkb = config.b_info.target_memkb;
    node.distances = {10};
    node.vcpus.set(0);
    node.vcpus.set(1);
    unsigned told = 0;
    world.machine->on(__HYPERVISOR_domctl, XEN_DOMCTL_setvnumainfo, [&](const std::array<std::uint64_t, 5>& args) {
        told = reinterpret_cast<const xen_domctl*>(args[0])->u.vnuma.nr_vcpus;
        return 0L;
    });
    const auto made = create_domain(world.host, DomainConfig(config), {});
    INFO((made ? "" : made.problem().text()));
    REQUIRE(made);
    CHECK(told == 2);
    config.c_info.name = "other";
    node.pnode = 7;
    const auto refused = create_domain(world.host, DomainConfig(config), {});
    REQUIRE_FALSE(refused);
    CHECK(refused.problem().text().find("no node 7") != std::string::npos);
}
