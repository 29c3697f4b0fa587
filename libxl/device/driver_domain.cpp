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
    for (const char* kind : {"vbd", "vif"})
        for (const std::string& guest : HOSPES_TRY(children(*store, base + "/" + kind)))
            for (const std::string& id : HOSPES_TRY(children(*store, base + "/" + kind + "/" + guest))) {
                const auto domain = to_number<xc::DomId>(guest);
                const auto devid = to_number<unsigned>(id);
                if (domain && devid)
                    HOSPES_TRY(look_at(kind, base + "/" + kind + "/" + guest + "/" + id, *domain, *devid));
            }
    return {};
}

Status DriverDomain::look_at(const std::string& kind, const std::string& backend, xc::DomId guest, unsigned devid) {
    xs::Client* const store = HOSPES_TRY(host_->store());
    const BusState state = read_state(*store, backend);
    if (leaf(backend, "online") == "0" && state == BusState::closed) return unplug(kind, backend, guest, devid);
    if (state != BusState::init_wait || leaf(backend, "hotplug-status") == "connected" || refused_.count(backend))
        return {};
    Status done = kind == "vbd" ? plug_disk(backend) : plug_nic(backend, guest, devid);
    if (done) {
        log_("plugged " + backend);
        return {};
    }
    refused_.insert(backend);
    const std::string why = done.problem().text();
    log_("cannot plug " + backend + ": " + why);
    xs::Batch nodes;
    nodes.write(backend + "/hotplug-error", why);
    nodes.write(backend + "/hotplug-status", "error");
    return store->run(nodes);
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
    const auto claim = [](const std::string&) { return Status(); };
    DiskSource source = HOSPES_TRY(host_->hotplug().open_disk(disk, Clock::now() + plug_time, nullptr, claim));
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
    VifPort port{"vif" + std::to_string(guest) + "." + std::to_string(devid), 0};
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

Status DriverDomain::unplug(const std::string& kind, const std::string& backend, xc::DomId guest, unsigned devid) {
    xs::Client* const store = HOSPES_TRY(host_->store());
    const std::string script = leaf(backend, "script");
    const std::string interface = "vif" + std::to_string(guest) + "." + std::to_string(devid);
    if (kind == "vbd" ? !is_native_block_script(script) : !is_native_vif_script(script)) {
        const Status run =
            host_->hotplug().run_script({script, kind == "vbd" ? "remove" : "offline", kind, backend,
                                         kind == "vif" ? interface : std::string(), leaf(backend, "gatewaydev")},
                                        Clock::now() + plug_time, nullptr);
        if (!run) log_(run.problem().text());
    } else if (kind == "vbd") {
        if (const std::string node = leaf(backend, "node"); !node.empty())
            host_->hotplug().close_disk(node, leaf(backend, "params"));
    } else {
        const std::string renamed = leaf(backend, "vifname");
        host_->hotplug().unplug_nic(renamed.empty() ? interface : renamed, script, leaf(backend, "bridge"));
    }
    refused_.erase(backend);
    log_("unplugged " + backend);
    return store->remove(backend);
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
