// SPDX-License-Identifier: MIT
// The QEMU that serves a guest's devices: started, found again, ended, whoever did what before.
#include "libxl/device/device_model.hpp"

#include <catch2/catch.hpp>

#include <csignal>
#include <cstring>
#include <thread>

#include "libxl/core/identity.hpp"
#include "libxl/device/attach.hpp"
#include "libxl/device/driver_domain.hpp"
#include "libxl/domain/create.hpp"
#include "world.hpp"

using namespace hospes;
using namespace hospes::xl;
using hospes::xl::test::World;
using hospes::xs::test::TestStore;

namespace {

struct Modelled : World {
    explicit Modelled(const char* how = "works") {
        ::setenv("HOSPES_QEMU", FAKE_QEMU, 1);
        ::setenv("FAKE_QEMU", how, 1);
    }
    Modelled(const Modelled&) = delete;
    Modelled& operator=(const Modelled&) = delete;
    ~Modelled() {
        ::unsetenv("HOSPES_QEMU");
        ::unsetenv("FAKE_QEMU");
    }
    [[nodiscard]] DomainConfig image() const {
        DomainConfig c = with_devices();
        c.disks[0].format = DiskFormat::qcow2;
        return c;
    }
    [[nodiscard]] DomainConfig everything() const {
        DomainConfig c = image();
        DeviceVfb& vfb = c.vfbs.emplace_back();
        vfb.vnc.enable = true;
        vfb.vnc.passwd = "secret";
        c.vkbs.emplace_back();
        DeviceP9& p9 = c.p9s.emplace_back();
        p9.tag = "share";
        p9.path = "/srv";
        p9.security_model = "none";
        DeviceChannel& channel = c.channels.emplace_back();
        channel.name = "org.example";
        channel.connection = ChannelConnection::pty;
        return c;
    }
    [[nodiscard]] std::string model() const { return store.read("/libxl/1/device-model"); }
};

CreatedDomain make(Modelled& world, const DomainConfig& config) {
    auto made = create_domain(world.host, DomainConfig(config), {});
    INFO((made ? "" : made.problem().text()));
    REQUIRE(made);
    return *std::move(made);
}

} // namespace

TEST_CASE("an image that is not raw is QEMU's, for as long as its domain lives") {
    Modelled world;
    const auto made = make(world, world.image());
    const std::string identity = world.model();
    REQUIRE(process_lives(identity));
    const std::string back = "/local/domain/0/backend/qdisk/1/51712";
    CHECK(world.store.read(back + "/params") == "qcow2:/images/a");
    CHECK(world.store.read(back + "/type") == "qdisk");
    CHECK(world.store.read(back + "/physical-device").empty()); // there is none
    CHECK(world.store.read("/local/domain/1/device/vbd/51712/backend") == back);
    CHECK(world.store.read("/local/domain/1/image/device-model-pid") == std::to_string(process_number(identity)));
    CHECK(world.plugged->disks.empty()); // no loop device
    CHECK((*list_devices(world.host, made.domain, "vbd"))[0].type == "qdisk");
    REQUIRE(destroy_domain(world.host, made.domain));
    CHECK_FALSE(process_lives(identity));
    CHECK(world.store.tree("/local/domain/0/device-model").size() <= 1);
    CHECK(world.store.read(back + "/state").empty());
}

TEST_CASE("a guest without such devices has none") {
    Modelled world;
    make(world, world.with_devices());
    CHECK(world.model().empty());
    DomainConfig config = world.image();
    CHECK(needs_device_model(config));
    config.disks[0].format = DiskFormat::raw;
    CHECK_FALSE(needs_device_model(config));
    config.disks[0].backend = DiskBackend::qdisk;
    CHECK(needs_device_model(config));
    config.disks[0].backend_domid = 5; // that domain's business
    CHECK_FALSE(needs_device_model(config));
}

TEST_CASE("what QEMU knows is in the store for viewers") {
    Modelled world;
    make(world, world.everything());
    CHECK(world.store.read("/local/domain/1/console/vnc-port") == "5907");
    CHECK(world.store.read("/local/domain/1/console/vnc-listen") == "127.0.0.1");
    CHECK(world.store.read("/local/domain/1/console/vnc-pass") == "secret");
    CHECK(world.store.permissions("/local/domain/1/console/vnc-pass") == "n0");
    CHECK(world.store.read("/local/domain/1/device/console/1/tty") == "/dev/pts/77");
    CHECK(world.store.read("/local/domain/0/backend/9pfs/1/0/path") == "/srv");
    REQUIRE(destroy_domain(world.host, 1));
}

TEST_CASE("a QEMU that fails is an error with its last words, and nothing is left") {
    Modelled world;
    REQUIRE(destroy_domain(world.host, make(world, world.everything()).domain));
    const auto before = world.store.tree();
    ::setenv("FAKE_QEMU", "dies", 1);
    const auto made = create_domain(world.host, world.everything(), {});
    REQUIRE_FALSE(made);
    CHECK(made.problem().text().find("could not open the image") != std::string::npos);
    CHECK(world.store.tree() == before);
    CHECK(world.guests().empty());

    ::setenv("FAKE_QEMU", "silent", 1);
    CreateOptions options;
    options.device_timeout_ms = 300;
    const auto late = create_domain(world.host, world.everything(), options);
    REQUIRE_FALSE(late);
    CHECK(late.problem().text().find("does not get ready") != std::string::npos);
    CHECK(world.store.tree() == before);

    ::setenv("FAKE_QEMU", "refuses", 1);
    CHECK_FALSE(create_domain(world.host, world.everything(), {}));
    CHECK(world.store.tree() == before);

    ::setenv("HOSPES_QEMU", "/no/such/qemu", 1);
    const auto none = create_domain(world.host, world.everything(), {});
    REQUIRE_FALSE(none);
    CHECK(none.problem().text().find("/no/such/qemu") != std::string::npos);
    CHECK(world.store.tree() == before);
}

namespace {

/// The driver domain is domain 0 here, as the store's owner.
struct Served : Modelled {
    const std::string image = "/local/domain/0/backend/qdisk/7/51712";
    std::vector<std::string> log;

    DriverDomain service() {
        store.set_backend("qdisk", TestStore::Backend::silent); // that is ours to start
        store.write("/local/domain/0/domid", "0");
        auto opened = DriverDomain::open(host, [this](const std::string& line) { log.push_back(line); });
        REQUIRE(opened);
        return *std::move(opened);
    }
    void announce() {
        store.write(image + "/params", "qcow2:/images/d");
        store.write(image + "/mode", "w");
        store.write(image + "/online", "1");
        store.write(image + "/state", "1");
    }
    [[nodiscard]] std::string served_by() const { return store.read("/local/domain/0/libxl/device-model/7"); }
    /// Serves until `done`, which a watch or the end of a process brings about.
    void serve_until(DriverDomain& service, const std::function<bool()>& done) {
        Cancel cancel;
        std::thread server([&] { CHECK(service.serve(cancel)); });
        for (int n = 0; n < 1000 && !done(); ++n)
            std::this_thread::sleep_for(std::chrono::milliseconds(10));
        cancel.request();
        server.join();
        CHECK(done());
    }
};

} // namespace

TEST_CASE("a driver domain runs a QEMU for each guest whose images it serves, while there are any") {
    Served world;
    DriverDomain service = world.service();
    world.announce();
    REQUIRE(service.scan());
    const std::string identity = world.served_by();
    CHECK(process_lives(identity));
    REQUIRE(service.scan());
    CHECK(world.served_by() == identity); // once
    CHECK(world.plugged->disks.empty());  // no loop device
    service = world.service();            // a service that was killed finds what its predecessor started
    REQUIRE(service.scan());
    CHECK(world.served_by() == identity);
    world.store.remove(world.image);
    REQUIRE(service.scan());
    CHECK_FALSE(process_lives(identity));
    CHECK(world.served_by().empty());
    CHECK(world.log == std::vector<std::string>{"started QEMU for domain 7", "ended QEMU for domain 7"});
    CHECK(world.store.tree("/local/domain/0/device-model").size() <= 1);
}

TEST_CASE("a driver domain says why an image is not served, and leaves it alone") {
    Served world;
    DriverDomain service = world.service();
    const auto complaint = [&] { return world.store.read(world.image + "/hotplug-error"); };
    world.announce();
    world.plugged->fail_at = 1;
    REQUIRE(service.scan());
    CHECK(complaint().find("/images/d") != std::string::npos);
    CHECK(world.store.read(world.image + "/hotplug-status") == "error");
    CHECK(world.served_by().empty());
    world.store.remove(world.image);
    REQUIRE(service.scan());

    ::setenv("FAKE_QEMU", "dies", 1);
    world.announce();
    world.serve_until(service, [&] { return !complaint().empty(); });
    CHECK(complaint().find("could not open the image") != std::string::npos);
    CHECK(world.served_by().empty());
    ::setenv("FAKE_QEMU", "works", 1);
    REQUIRE(service.scan());
    CHECK(world.served_by().empty());
    world.store.remove(world.image);
    REQUIRE(service.scan());
    world.announce(); // anew
    REQUIRE(service.scan());
    CHECK(process_lives(world.served_by()));
    world.store.remove(world.image);
    REQUIRE(service.scan());
}

TEST_CASE("an image in another domain: its toolstack waits for that domain's QEMU, and is told why there is none") {
    Modelled world;
    const auto driver = make(world, world.config());
    DomainConfig config = world.image();
    config.c_info.name = "h";
    config.disks[0].backend_domname = "g";
    const auto made = create_domain(world.host, DomainConfig(config), {});
    INFO((made ? "" : made.problem().text()));
    REQUIRE(made);
    const std::string back = "/local/domain/" + std::to_string(driver.domain) + "/backend/qdisk/2/51712";
    CHECK(world.store.read(back + "/state") == "2");
    CHECK(world.store.read("/libxl/2/device-model").empty()); // none here
    REQUIRE(destroy_domain(world.host, made->domain));
    CHECK(world.store.read(back + "/state").empty());

    world.store.set_backend("qdisk", TestStore::Backend::silent);
    const std::string refused = "/local/domain/" + std::to_string(driver.domain) + "/backend/qdisk/3/51712";
    std::thread service([&] {
        for (int n = 0; n < 2000 && world.store.read(refused + "/state").empty(); ++n) // not for ever
            std::this_thread::sleep_for(std::chrono::milliseconds(5));
        world.store.write(refused + "/hotplug-error", "open disk /images/a: No such file");
        world.store.write(refused + "/hotplug-status", "error");
    });
    const auto failed = create_domain(world.host, DomainConfig(config), {});
    service.join();
    REQUIRE_FALSE(failed);
    CHECK(failed.problem().text().find("open disk /images/a: No such file") != std::string::npos);
    CHECK(failed.problem().text().ends_with(std::strerror(EIO))); // not that of a wait in vain
    CHECK(world.store.tree(refused).size() <= 1);
}

TEST_CASE("a refused request leaves no QEMU, whichever it is") {
    Modelled world;
    REQUIRE(destroy_domain(world.host, make(world, world.everything()).domain));
    const auto before = world.store.tree();
    unsigned tried = 0;
    for (unsigned n = 1;; n += 5) { // each makes a process: some of them
        INFO("request " << n);
        world.store.fail_request(n, TestStore::Fault::refuse);
        const auto made = create_domain(world.host, world.everything(), {});
        const bool failed = world.store.failed();
        world.store.fail_after(0); // creation sends more or fewer by how often it looks: not for destroy to meet
        if (!failed) {
            REQUIRE(made);
            REQUIRE(destroy_domain(world.host, made->domain));
            break;
        }
        if (made) REQUIRE(destroy_domain(world.host, made->domain));
        CHECK(world.store.tree() == before);
        world.host.drop_store();
        tried = n;
    }
    CHECK(tried > 50);
}

TEST_CASE("a disk that QEMU serves is added to a running guest and taken away") {
    Modelled world;
    const auto domain = make(world, world.config()).domain;
    CHECK(world.model().empty());
    DeviceDisk disk = world.image().disks[0];
    const auto added = attach_disk(world.host, domain, disk);
    INFO((added ? "" : added.problem().text()));
    REQUIRE(added);
    const std::string identity = world.model();
    CHECK(process_lives(identity));
    disk.vdev = "xvdb";
    REQUIRE(attach_disk(world.host, domain, disk));
    CHECK(world.model() == identity); // one serves all
    REQUIRE(detach_device(world.host, domain, "vbd", 51712));
    CHECK(world.store.read("/local/domain/0/backend/qdisk/1/51712/state").empty());
    // A QEMU that is dead answers nobody, and is not waited for.
    ::kill(process_number(identity), SIGKILL);
    world.store.write("/local/domain/1/device/vbd/51728/state", "4");
    REQUIRE(detach_device(world.host, domain, "vbd", 51728));
    // The next device gets a new one.
    const auto folder = attach_p9(world.host, domain, world.everything().p9s[0]);
    REQUIRE(folder);
    CHECK(folder->devid == 0);
    CHECK(attach_p9(world.host, domain, world.everything().p9s[0])->devid == 1);
    CHECK(world.model() != identity);
    CHECK(process_lives(world.model()));
    CHECK(attach_vfb(world.host, domain, {}).problem().code == EOPNOTSUPP);
    REQUIRE(destroy_domain(world.host, domain));
}

TEST_CASE("a number that is somebody else's by now is left alone") {
    Modelled world;
    const auto domain = make(world, world.image()).domain;
    const std::string identity = world.model();
    const std::string other = std::to_string(process_number(identity)) + " 1";
    world.store.write("/libxl/1/device-model", other);
    REQUIRE(destroy_domain(world.host, domain));
    CHECK(process_lives(identity));
    ::kill(process_number(identity), SIGKILL);
}
