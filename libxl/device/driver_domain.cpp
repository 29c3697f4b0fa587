// SPDX-License-Identifier: MIT
#include "libxl/device/driver_domain.hpp"

#include <poll.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "libxl/core/identity.hpp"
#include "libxl/core/paths.hpp"
#include "libxl/device/device.hpp"
#include "libxl/device/device_model.hpp"
#include "libxl/device/spec_text.hpp"

namespace hospes::xl {
namespace {

constexpr auto plug_time = std::chrono::seconds(10);
constexpr auto end_time = std::chrono::seconds(10); // for QEMU to write back what it holds

Result<std::vector<std::string>> children(xs::Client& store, const std::string& path) {
    auto names = store.directory(path);
    if (!names && names.problem().code == ENOENT) return std::vector<std::string>();
    return names;
}

/// What a QEMU here is told: the disks are in the store, and the guest's name is not for this domain to read.
DomainConfig images_of(xc::DomId guest) {
    DomainConfig config;
    config.c_info.name = "domain-" + std::to_string(guest);
    return config;
}

bool gone(xs::Client& store, const std::string& backend) {
    return read_leaf(store, backend, "online") == "0" && read_state(store, backend) == BusState::closed;
}

} // namespace

Result<DriverDomain> DriverDomain::open(Host& host, Log log) {
    xs::Client* const store = HOSPES_TRY(host.store());
    const std::string text = HOSPES_TRY(store->read("domid")); // relative: our own
    const auto own = to_number<xc::DomId>(text);
    if (!own) return error("find out which domain this is", EINVAL, "domid is '" + text + "'");
    DriverDomain service(host, *own, std::move(log));
    HOSPES_TRY(service.find_models());
    return service;
}

/// A service that was started anew ends what its predecessor started.
Status DriverDomain::find_models() {
    xs::Client* const store = HOSPES_TRY(host_->store());
    const std::string folder = models_folder(own_);
    for (const std::string& text : HOSPES_TRY(children(*store, folder)))
        if (const auto guest = to_number<xc::DomId>(text)) models_[*guest] = read_leaf(*store, folder, text.c_str());
    return {};
}

std::string DriverDomain::leaf(const std::string& backend, const char* name) const {
    auto store = host_->store();
    return store ? read_leaf(**store, backend, name) : std::string();
}

Status DriverDomain::scan() {
    xs::Client* const store = HOSPES_TRY(host_->store());
    const std::string base = path::domain(own_) + "/backend";
    std::set<std::string> there;
    Images images;
    for (const char* kind : {"vbd", "vif", "qdisk"})
        for (const std::string& guest : HOSPES_TRY(children(*store, base + "/" + kind)))
            for (const std::string& id : HOSPES_TRY(children(*store, base + "/" + kind + "/" + guest))) {
                const auto domain = to_number<xc::DomId>(guest);
                const auto devid = to_number<unsigned>(id);
                if (!domain || !devid) continue;
                const std::string backend = base + "/" + kind + "/" + guest + "/" + id;
                there.insert(backend);
                HOSPES_TRY(kind == std::string_view("qdisk") ? look_at_image(backend, *domain, images)
                                                             : look_at(kind, backend, *domain, *devid));
            }
    for (auto at = plugged_.begin(); at != plugged_.end();) {
        const auto next = std::next(at);
        if (!there.count(at->first)) unplug(std::string(at->first), at->second);
        at = next;
    }
    std::erase_if(refused_, [&](const std::string& backend) { return !there.count(backend); });
    return serve_images(images);
}

Status DriverDomain::look_at_image(const std::string& backend, xc::DomId guest, Images& images) {
    xs::Client* const store = HOSPES_TRY(host_->store());
    if (gone(*store, backend)) return store->remove(backend);
    if (refused_.count(backend)) return {};
    if (read_state(*store, backend) == BusState::initialising) { // nobody has opened it yet
        const std::string params = leaf(backend, "params");      // FORMAT:FILE
        const std::string file = params.substr(params.find(':') + 1);
        const Status usable = host_->hotplug().check_image(file, leaf(backend, "mode") == "w");
        if (!usable) return refuse(backend, usable.problem().text());
    }
    images[guest].push_back(backend);
    return {};
}

Status DriverDomain::serve_images(const Images& images) {
    for (const auto& [guest, backends] : images)
        HOSPES_TRY(serve_images_of(guest, backends));
    for (auto at = models_.begin(); at != models_.end();) {
        const xc::DomId guest = at->first;
        if (images.count(guest)) {
            ++at;
            continue;
        }
        if (const Status ended = stop_device_model(*host_, model_in(own_, guest), Clock::now() + end_time); ended)
            log_("ended QEMU for domain " + std::to_string(guest));
        else
            log_(ended.problem().text());
        at = models_.erase(at);
    }
    return {};
}

/// Starts it and does not wait: others want to be plugged meanwhile, and whoever wants the disk sees its state.
Status DriverDomain::serve_images_of(xc::DomId guest, const std::vector<std::string>& images) {
    const DomainConfig config = images_of(guest);
    std::string why;
    if (const auto mine = models_.find(guest); mine == models_.end()) {
        const auto started = launch_device_model(*host_, model_in(own_, guest), config);
        if (started) {
            models_.emplace(guest, *started);
            log_("started QEMU for domain " + std::to_string(guest));
            return {};
        }
        why = started.problem().text();
    } else {
        if (process_lives(mine->second)) return {};
        ::waitpid(process_number(mine->second), nullptr, WNOHANG);
        models_.erase(mine);
        why = "QEMU ended: " + device_model_words(config.c_info.name);
    }
    static_cast<void>(stop_device_model(*host_, model_in(own_, guest), Clock::now())); // its nodes
    for (const std::string& backend : images)
        HOSPES_TRY(refuse(backend, why));
    return {};
}

Status DriverDomain::refuse(const std::string& backend, const std::string& why) {
    xs::Client* const store = HOSPES_TRY(host_->store());
    refused_.insert(backend);
    log_("cannot plug " + backend + ": " + why);
    // Only what is there: writing into a backend that has just gone would leave a node behind.
    return store->transact([&](xs::TransactionId transaction) -> Status {
        const auto state = store->try_read(backend + "/state", transaction);
        if (!state) return state.problem();
        if (!*state) return {};
        xs::Batch nodes;
        nodes.write(backend + "/hotplug-error", why);
        nodes.write(backend + "/hotplug-status", "error");
        return store->run(nodes, transaction);
    });
}

Status DriverDomain::look_at(const std::string& kind, const std::string& backend, xc::DomId guest, unsigned devid) {
    xs::Client* const store = HOSPES_TRY(host_->store());
    const BusState state = read_state(*store, backend);
    const bool connected = leaf(backend, "hotplug-status") == "connected";
    // A service that was started anew finds what its predecessor plugged.
    if (connected && !plugged_.count(backend)) plugged_.emplace(backend, remember(kind, backend, guest, devid));
    if (gone(*store, backend)) {
        if (const auto mine = plugged_.find(backend); mine != plugged_.end()) unplug(backend, Plugged(mine->second));
        return store->remove(backend);
    }
    if (state != BusState::init_wait || connected || refused_.count(backend)) return {};
    if (const Status done = plug(kind, backend, guest, devid); !done) return refuse(backend, done.problem().text());
    plugged_.emplace(backend, remember(kind, backend, guest, devid));
    log_("plugged " + backend);
    return {};
}

Status DriverDomain::plug(const std::string& kind, const std::string& backend, xc::DomId guest, unsigned devid) {
    return kind == "vbd" ? plug_disk(backend) : plug_nic(backend, guest, devid);
}

Status DriverDomain::plug_disk(const std::string& backend) {
    xs::Client* const store = HOSPES_TRY(host_->store());
    const std::string script = leaf(backend, "script");
    if (!is_native_block_script(script))
        return host_->hotplug().run_script({script, "add", "vbd", backend, {}, {}}, Clock::now() + plug_time, nullptr);
    DeviceDisk disk;
    disk.pdev_path = leaf(backend, "params");
    disk.readwrite = leaf(backend, "mode") == "w" ? 1 : 0;
    disk.format = DiskFormat::raw;
    DiskSource source = HOSPES_TRY(host_->hotplug().open_disk(disk));
    xs::Batch nodes;
    nodes.write(backend + "/node", source.node());
    nodes.write(backend + "/physical-device-path", source.node());
    nodes.write(backend + "/physical-device", source.number());
    nodes.write(backend + "/hotplug-status", "connected");
    HOSPES_TRY(store->run(nodes));
    return source.keep();
}

Status DriverDomain::plug_nic(const std::string& backend, xc::DomId guest, unsigned devid) {
    xs::Client* const store = HOSPES_TRY(host_->store());
    DeviceNic nic;
    nic.script = leaf(backend, "script");
    VifPort port{"vif" + std::to_string(guest) + "." + std::to_string(devid), 0, {}, {}};
    nic.gatewaydev = leaf(backend, "gatewaydev");
    if (!is_native_vif_script(nic.script))
        return host_->hotplug().run_script({nic.script, "online", "vif", backend, port.interface, nic.gatewaydev},
                                           Clock::now() + plug_time, nullptr);
    nic.bridge = leaf(backend, "bridge");
    nic.ip = leaf(backend, "ip");
    nic.ifname = leaf(backend, "vifname");
    static_cast<void>(parse(leaf(backend, "mac"), nic.mac));
    nic.mtu = to_number<int>(leaf(backend, "mtu")).value_or(0);
    HOSPES_TRY(host_->hotplug().plug_nic(port, nic, Clock::now() + plug_time, nullptr));
    return store->write(backend + "/hotplug-status", "connected");
}

DriverDomain::Plugged DriverDomain::remember(const std::string& kind, const std::string& backend, xc::DomId guest,
                                             unsigned devid) const {
    Plugged what{kind, leaf(backend, "script"), leaf(backend, "node"),      leaf(backend, "params"),
                 {},   leaf(backend, "bridge"), leaf(backend, "gatewaydev")};
    if (kind == "vif") {
        what.interface = leaf(backend, "vifname");
        if (what.interface.empty()) what.interface = "vif" + std::to_string(guest) + "." + std::to_string(devid);
    }
    return what;
}

void DriverDomain::unplug(const std::string& backend, const Plugged& what) {
    const bool disk = what.kind == "vbd";
    if (disk ? !is_native_block_script(what.script) : !is_native_vif_script(what.script)) {
        const Status run = host_->hotplug().run_script(
            {what.script, disk ? "remove" : "offline", what.kind, backend, what.interface, what.gatewaydev},
            Clock::now() + plug_time, nullptr);
        if (!run) log_(run.problem().text());
    } else if (disk) {
        if (!what.node.empty()) host_->hotplug().close_disk(what.node, what.params);
    } else {
        host_->hotplug().unplug_nic(what.interface, what.script, what.bridge);
    }
    log_("unplugged " + backend);
    plugged_.erase(backend);
}

/// Until there is something to do. True when a QEMU has ended, of which no watch tells.
bool DriverDomain::wait(int store, const Cancel& cancel) const {
    std::vector<pollfd> waiting = {{store, POLLIN, 0}, {cancel.fd(), POLLIN, 0}};
    for (const auto& [guest, identity] : models_)
        waiting.push_back({static_cast<int>(::syscall(SYS_pidfd_open, process_number(identity), 0)), POLLIN, 0});
    const auto models = waiting.begin() + 2;
    bool ended = std::any_of(models, waiting.end(), [](const pollfd& model) { return model.fd < 0; });
    if (!ended) ::poll(waiting.data(), waiting.size(), -1);
    for (auto model = models; model != waiting.end(); ++model) {
        ended |= model->revents != 0;
        if (model->fd >= 0) ::close(model->fd);
    }
    return ended;
}

Status DriverDomain::serve(const Cancel& cancel) {
    xs::Client* const store = HOSPES_TRY(host_->store());
    HOSPES_TRY(store->watch(path::domain(own_) + "/backend", "hospes-devd"));
    bool ended = false;
    while (!cancel.requested()) {
        auto event = store->next_event(0);
        bool any = std::exchange(ended, false);
        while (event && *event) {
            any = true;
            event = store->next_event(0);
        }
        if (!event) return std::move(event).problem();
        if (any) {
            HOSPES_TRY(scan());
            continue;
        }
        ended = wait(store->fd(), cancel);
    }
    return store->unwatch(path::domain(own_) + "/backend", "hospes-devd");
}

} // namespace hospes::xl
