// SPDX-License-Identifier: MIT
// What follows a domain's end, and what the supervisor makes of a world that others left in the middle of something.
#include "libxl/domain/supervise.hpp"

#include <catch2/catch.hpp>

#include <sys/wait.h>
#include <unistd.h>

#include "libxl/core/identity.hpp"
#include "libxl/domain/create.hpp"
#include "libxl/domain/events.hpp"
#include "libxl/domain/record.hpp"
#include "libxl/supervisor/daemon.hpp"
#include "world.hpp"

using namespace hospes;
using namespace hospes::xl;
using hospes::xl::test::World;

namespace {

constexpr std::chrono::milliseconds no_pause{0};

xc::DomId make(World& world, const DomainConfig& config, Supervision supervision = Supervision::daemon) {
    CreateOptions options;
    options.supervision = supervision;
    const auto made = create_domain(world.host, DomainConfig(config), options);
    INFO((made ? "" : made.problem().text()));
    REQUIRE(made);
    return made->domain;
}

void end(World& world, xc::DomId domain, ShutdownReason reason) {
    auto& d = world.machine->domains().at(domain);
    d.shut_down = true;
    d.shutdown_reason = static_cast<unsigned>(reason);
}

/// The identity of a process that has lived and is no more.
const std::string& dead_process() {
    static const std::string dead = [] { // once: a fork is dear in a process with sanitizers
        const pid_t child = ::fork();
        if (child == 0) {
            ::alarm(60); // should we be killed meanwhile
            ::pause();
            ::_exit(0);
        }
        std::string identity = process_identity(child);
        ::kill(child, SIGKILL);
        ::waitpid(child, nullptr, 0);
        return identity;
    }();
    return dead;
}

/// The hypervisor of the world, reached once more.
class Shared final : public xc::Transport {
  public:
    explicit Shared(xc::Transport& to) : to_(to) {}
    long hypercall(unsigned op, const std::array<std::uint64_t, 5>& args) override { return to_.hypercall(op, args); }
    void* alloc(std::size_t bytes) override { return to_.alloc(bytes); }
    void release(void* memory, std::size_t bytes) override { to_.release(memory, bytes); }
    void* map_foreign(xc::DomId domain, int protection, std::span<const xen_pfn_t> frames,
                      std::span<int> errors) override {
        return to_.map_foreign(domain, protection, frames, errors);
    }
    void* map_resource(xc::DomId domain, unsigned type, unsigned id, std::uint64_t first, std::size_t frames,
                       int protection) override {
        return to_.map_resource(domain, type, id, first, frames, protection);
    }
    void unmap(void* memory, std::size_t bytes) override { to_.unmap(memory, bytes); }

  private:
    xc::Transport& to_;
};

struct Watched : World {
    boost::asio::io_context io{1};
    supervisor::Daemon daemon{io, options()};

    supervisor::Options options() {
        supervisor::Options o;
        o.socket = store.folder() / "supervisor";
        o.log_dir = store.folder() / "log";
        std::filesystem::create_directory(o.log_dir);
        o.fork_workers = false;
        o.pause = no_pause;
        o.make_host = [this] {
            return std::make_unique<Host>(std::make_unique<Shared>(*machine),
                                          std::make_unique<test::CountingHotplug>(plugged));
        };
        return o;
    }
    [[nodiscard]] std::set<std::string> leftovers() const {
        auto out = files();
        out.erase("supervisor");
        out.erase("log");
        return out;
    }
};

} // namespace

TEST_CASE("a guest that powers off is destroyed") {
    World world;
    const auto domain = make(world, world.with_devices());
    end(world, domain, ShutdownReason::poweroff);
    std::vector<std::string> log;
    const auto after = act_on_end(
        world.host, domain, Supervision::daemon, [&](const auto& l) { log.push_back(l); }, no_pause);
    REQUIRE(after);
    CHECK_FALSE(after->successor);
    CHECK(world.guests().empty());
    CHECK(world.files().empty());
    CHECK(world.plugged->disks.empty());
    REQUIRE(log.size() == 3);
    CHECK(log[0] == "Domain 1 has shut down, reason code 0 (poweroff)");
    CHECK(log[1] == "Action for shutdown reason code 0 is destroy");
}

TEST_CASE("a guest that reboots is the same domain with a new id") {
    World world;
    const auto domain = make(world, world.with_devices());
    REQUIRE(rename_domain(world.host, domain, "renamed"));
    const auto before = load_record(domain);
    end(world, domain, ShutdownReason::reboot);
    const auto after = act_on_end(world.host, domain, Supervision::daemon, {}, no_pause);
    REQUIRE(after);
    REQUIRE(after->successor);
    CHECK(*after->successor != domain);
    CHECK(world.guests() == std::set<unsigned>{*after->successor});
    const auto record = load_record(*after->successor);
    REQUIRE(record);
    CHECK(record->c_info.uuid == before->c_info.uuid);
    CHECK(record->nics[0].mac == before->nics[0].mac);
    CHECK(world.host.name_of(*after->successor) == "renamed");
    CHECK(world.plugged->disks.size() == 1);
    CHECK(pending_restarts()->empty());
    CHECK(world.store.read("/libxl/" + std::to_string(*after->successor) + "/supervision") == "daemon");
}

TEST_CASE("a guest that ends as soon as it has begun is not started again at once") {
    World world;
    std::string log;
    const auto end_and_restart = [&](xc::DomId domain) {
        end(world, domain, ShutdownReason::reboot);
        log.clear();
        const auto after = act_on_end(
            world.host, domain, Supervision::daemon, [&](const auto& l) { log += l + "\n"; },
            std::chrono::milliseconds(1));
        REQUIRE(after);
        REQUIRE(after->successor);
        return *after->successor;
    };
    const auto second = end_and_restart(make(world, world.config()));
    CHECK(log.find("its successor has to wait for 1 ms") != std::string::npos);
    const std::string start_time = "/vm/" + to_string(load_record(second)->c_info.uuid) + "/start_time";
    REQUIRE_FALSE(world.store.read(start_time).empty());
    world.store.write(start_time, std::to_string(std::time(nullptr) - 3600) + ".00");
    const auto third = end_and_restart(second);
    CHECK(log.find("has to wait") == std::string::npos);
    world.store.write(start_time, "rubbish");
    end_and_restart(third);
    CHECK(log.find("has to wait") == std::string::npos);
}

TEST_CASE("a restart that fails leaves no domain and is not tried for ever") {
    World world;
    const auto domain = make(world, world.with_devices());
    end(world, domain, ShutdownReason::reboot);
    std::filesystem::remove(world.store.folder() / "kernel");
    const auto after = act_on_end(world.host, domain, Supervision::daemon, {}, no_pause);
    REQUIRE_FALSE(after);
    CHECK(world.guests().empty());
    CHECK(world.files().empty());
}

TEST_CASE("preserve keeps the domain and ends the supervision") {
    World world;
    DomainConfig config = world.config();
    config.on_crash = ActionOnShutdown::preserve;
    const auto domain = make(world, config);
    end(world, domain, ShutdownReason::crash);
    const auto after = act_on_end(world.host, domain, Supervision::daemon, {}, no_pause);
    REQUIRE(after);
    CHECK(after->remains);
    CHECK(world.guests() == std::set<unsigned>{domain});
    CHECK_FALSE(is_supervisors(world.store.read("/libxl/1/supervision")));
}

TEST_CASE("rename-restart keeps the old domain under another name and UUID") {
    World world;
    DomainConfig config = world.config();
    config.on_watchdog = ActionOnShutdown::restart_rename;
    const auto domain = make(world, config);
    const auto uuid = load_record(domain)->c_info.uuid;
    end(world, domain, ShutdownReason::watchdog);
    std::string log;
    const auto after = act_on_end(
        world.host, domain, Supervision::daemon, [&](const auto& l) { log += l + "\n"; }, no_pause);
    CHECK(log.find("is rename-restart\n") != std::string::npos);
    INFO((after ? "" : after.problem().text()));
    REQUIRE(after);
    REQUIRE(after->successor);
    CHECK(world.host.name_of(domain).starts_with("g-2"));
    CHECK(world.host.name_of(*after->successor) == "g");
    CHECK(load_record(*after->successor)->c_info.uuid == uuid);
    CHECK(load_record(domain)->c_info.uuid != uuid);
    REQUIRE(destroy_domain(world.host, domain));
    REQUIRE(destroy_domain(world.host, *after->successor));
    CHECK(world.store.tree("/vm").size() == 1);
}

TEST_CASE("soft reset is refused, and the domain is kept for a look at it") {
    World world;
    const auto domain = make(world, world.config());
    end(world, domain, ShutdownReason::soft_reset);
    std::string log;
    const auto after = act_on_end(
        world.host, domain, Supervision::daemon, [&](const auto& l) { log += l + "\n"; }, no_pause);
    REQUIRE(after);
    CHECK(after->remains);
    CHECK(log.find("not supported") != std::string::npos);
    CHECK(soft_reset_domain(world.host, domain).problem().code == EOPNOTSUPP);
}

TEST_CASE("ends are reported once each, also those from before") {
    World world;
    const auto a = make(world, world.config("a")), b = make(world, world.config("b"));
    end(world, a, ShutdownReason::crash);
    auto events = DomainEvents::open(world.host, {a, b});
    REQUIRE(events);
    auto event = events->next(1000);
    REQUIRE(event);
    REQUIRE(*event);
    CHECK((*event)->kind == DomainEvent::Kind::shutdown);
    CHECK((*event)->domain == a);
    CHECK((*event)->reason == ShutdownReason::crash);
    CHECK_FALSE(*events->next(20));
    REQUIRE(destroy_domain(world.host, a)); // fires @releaseDomain
    event = events->next(1000);
    REQUIRE(*event);
    CHECK((*event)->kind == DomainEvent::Kind::death);
    CHECK(events->left() == std::set<xc::DomId>{b});
    Cancel cancel;
    cancel.request();
    CHECK(events->next(1000, &cancel).problem().code == ECANCELED);
}

TEST_CASE("the supervisor acts for its domains and for nobody else's") {
    Watched world;
    REQUIRE(world.daemon.start());
    const auto ours = make(world, world.config("ours")), free = make(world, world.config("free"), Supervision::none);
    const auto mine = make(world, world.config("mine"), Supervision::self);
    for (const auto domain : {ours, free, mine})
        end(world, domain, ShutdownReason::poweroff);
    world.daemon.scan();
    CHECK(world.guests() == std::set<unsigned>{free, mine});
    // The xl that watched over "mine" is killed: now it is the supervisor's.
    world.store.write("/libxl/" + std::to_string(mine) + "/supervision", dead_process());
    world.daemon.scan();
    CHECK(world.guests() == std::set<unsigned>{free});
    CHECK(world.daemon.workers() == 0);
}

TEST_CASE("a creator that is killed leaves nothing once the supervisor looked") {
    Watched world;
    REQUIRE(world.daemon.start());
    const auto reference = make(world, world.with_devices());
    REQUIRE(destroy_domain(world.host, reference));
    const auto before = world.store.tree();
    unsigned steps = 0;
    for (unsigned n = 1;; n += 3) { // of requests that go out together, some
        INFO("request " << n);
        // All its requests from here on are lost, its rollback included: as if it were dead. Its memory of what it
        // did is not used any more; only its marks are.
        world.store.fail_after(n);
        const auto made = create_domain(world.host, world.with_devices(), {});
        const bool killed = world.store.failed();
        world.store.fail_after(0);
        world.host.drop_store();
        if (!killed) {
            REQUIRE(made);
            break;
        }
        for (const auto& [path, value] : world.store.tree("/tool/hospes/creating"))
            if (!value.empty()) {
                const auto words = value.find(' ', value.find(' ') + 1);
                world.store.write(path, dead_process() + (words == std::string::npos ? "" : value.substr(words)));
            }
        world.io.restart();
        world.io.poll(); // takes the events, which by themselves make it look
        world.daemon.scan();
        CHECK(world.guests().empty());
        CHECK(world.store.tree() == before);
        CHECK(world.leftovers().empty());
        CHECK(world.plugged->disks.empty());
        steps = n;
    }
    CHECK(steps > 50);
}

TEST_CASE("what a killed xl destroy left is removed") {
    Watched world;
    REQUIRE(world.daemon.start());
    const auto reference = make(world, world.with_devices());
    REQUIRE(destroy_domain(world.host, reference));
    const auto before = world.store.tree();
    const auto domain = make(world, world.with_devices());
    const auto info = (*world.host.control())->destroy(domain); // and no further
    REQUIRE(info);
    world.daemon.scan();
    CHECK(world.store.tree() == before);
    CHECK(world.leftovers().empty());
    CHECK(world.plugged->disks.empty());
}

TEST_CASE("a restart that was begun is finished by the next supervisor") {
    Watched world;
    const auto domain = make(world, world.config());
    const auto config = load_record(domain);
    REQUIRE(config);
    REQUIRE(destroy_domain(world.host, domain));
    REQUIRE(save_restart(*config));
    const auto mine = pending_restarts();
    REQUIRE(mine->size() == 1);
    REQUIRE(world.daemon.start()); // its owner lives: not the supervisor's business
    CHECK(world.guests().empty());
    std::string dead = dead_process();
    std::replace(dead.begin(), dead.end(), ' ', '.');
    std::filesystem::rename((*mine)[0].file, world.store.folder() / ("restart-" + to_string(config->c_info.uuid) + "." +
                                                                     dead + ".libxl-json"));
    world.daemon.scan();
    CHECK(world.guests().size() == 1);
    CHECK(pending_restarts()->empty());
    CHECK(world.host.name_of(static_cast<xc::DomId>(*world.guests().begin())) == "g");
}

TEST_CASE("a process is known by more than its number") {
    const std::string own = process_identity();
    CHECK(process_lives(own));
    CHECK(process_lives(own + " 17"));
    CHECK_FALSE(process_lives(own + "1"));
    CHECK_FALSE(process_lives(std::to_string(::getpid()) + " 1"));
    CHECK_FALSE(process_lives(dead_process()));
    CHECK_FALSE(process_lives("none"));
}
