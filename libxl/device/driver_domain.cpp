// SPDX-License-Identifier: MIT
#include "libxl/device/driver_domain.hpp"

#include <poll.h>

#include <cerrno>

#include "libxl/core/paths.hpp"
#include "libxl/device/device.hpp"
#include "libxl/device/spec_text.hpp"

namespace hospes::xl {
namespace {

constexpr auto plug_time = std::chrono::seconds(10);

Result<std::vector<std::string>> children(xs::Client& store, const std::string& path) {
    auto names = store.directory(path);
    if (!names && names.problem().code == ENOENT) return std::vector<std::string>();
    return names;
}

} // namespace

Result<DriverDomain> DriverDomain::open(Host& host, Log log) {
    xs::Client* const store = HOSPES_TRY(host.store());
    const std::string text = HOSPES_TRY(store->read("domid")); // relative: our own
    const auto own = to_number<xc::DomId>(text);
    if (!own) return error("find out which domain this is", EINVAL, "domid is '" + text + "'");
    return DriverDomain(host, *own, std::move(log));
}

std::string DriverDomain::leaf(const std::string& backend, const char* name) const {
    auto store = host_->store();
    if (!store) return {};
    auto value = (*store)->read(backend + "/" + name);
    return value ? *std::move(value) : std::string();
}

Status DriverDomain::scan() {
    xs::Client* const store = HOSPES_TRY(host_->store());
    const std::string base = path::domain(own_) + "/backend";
    std::set<std::string> there;
    for (const char* kind : {"vbd", "vif"})
        for (const std::string& guest : HOSPES_TRY(children(*store, base + "/" + kind)))
            for (const std::string& id : HOSPES_TRY(children(*store, base + "/" + kind + "/" + guest))) {
                const auto domain = to_number<xc::DomId>(guest);
                const auto devid = to_number<unsigned>(id);
                if (!domain || !devid) continue;
                there.insert(base + "/" + kind + "/" + guest + "/" + id);
                HOSPES_TRY(look_at(kind, base + "/" + kind + "/" + guest + "/" + id, *domain, *devid));
            }
    for (auto at = plugged_.begin(); at != plugged_.end();) {
        const auto next = std::next(at);
        if (!there.count(at->first)) unplug(std::string(at->first), at->second);
        at = next;
    }
    std::erase_if(refused_, [&](const std::string& backend) { return !there.count(backend); });
    return {};
}

Status DriverDomain::look_at(const std::string& kind, const std::string& backend, xc::DomId guest, unsigned devid) {
    xs::Client* const store = HOSPES_TRY(host_->store());
    const BusState state = read_state(*store, backend);
    const bool connected = leaf(backend, "hotplug-status") == "connected";
    // A service that was started anew finds what its predecessor plugged.
    if (connected && !plugged_.count(backend)) plugged_.emplace(backend, remember(kind, backend, guest, devid));
    if (leaf(backend, "online") == "0" && state == BusState::closed) {
        if (const auto mine = plugged_.find(backend); mine != plugged_.end()) unplug(backend, Plugged(mine->second));
        return store->remove(backend);
    }
    if (state != BusState::init_wait || connected || refused_.count(backend)) return {};
    if (Status done = plug(kind, backend, guest, devid); !done) {
        refused_.insert(backend);
        const std::string why = done.problem().text();
        log_("cannot plug " + backend + ": " + why);
        xs::Batch nodes;
        nodes.write(backend + "/hotplug-error", why);
        nodes.write(backend + "/hotplug-status", "error");
        return store->run(nodes);
    }
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

Status DriverDomain::serve(const Cancel& cancel) {
    xs::Client* const store = HOSPES_TRY(host_->store());
    HOSPES_TRY(store->watch(path::domain(own_) + "/backend", "hospes-devd"));
    while (!cancel.requested()) {
        auto event = store->next_event(0);
        bool any = false;
        while (event && *event) {
            any = true;
            event = store->next_event(0);
        }
        if (!event) return std::move(event).problem();
        if (any) {
            HOSPES_TRY(scan());
            continue;
        }
        pollfd waiting[2] = {{store->fd(), POLLIN, 0}, {cancel.fd(), POLLIN, 0}};
        ::poll(waiting, 2, -1);
    }
    return store->unwatch(path::domain(own_) + "/backend", "hospes-devd");
}

} // namespace hospes::xl
