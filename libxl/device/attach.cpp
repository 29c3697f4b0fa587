// SPDX-License-Identifier: MIT
#include "libxl/device/attach.hpp"

#include <algorithm>
#include <cerrno>
#include <set>

#include "libxl/core/locks.hpp"
#include "libxl/core/paths.hpp"
#include "libxl/device/attachment.hpp"
#include "libxl/device/device_model.hpp"
#include "libxl/device/disk_spec.hpp"
#include "libxl/device/spec_text.hpp"
#include "libxl/device/unplug.hpp"
#include "libxl/domain/record.hpp"

namespace hospes::xl {
namespace {

constexpr std::string_view all_kinds[] = {"vbd", "vif", "console", "vfb", "vkbd", "9pfs"};

/// QEMU learns of these on its command line.
Error only_at_start(std::string_view what) {
    return error("attach a " + std::string(what), EOPNOTSUPP, "it is made when the guest's QEMU starts",
                 "put it into the configuration");
}

/// Ids that the domain's devices of a kind have.
Result<std::set<unsigned>> ids_in_use(Host& host, xc::DomId domain, std::string_view kind) {
    std::set<unsigned> ids;
    for (const Device& device : HOSPES_TRY(recorded_devices(host, domain)))
        if (device.kind == kind) ids.insert(device.devid);
    return ids;
}

/// The first free one, for a device that names none.
template <typename List> Status choose_id(Host& host, xc::DomId domain, List& list, std::string_view kind) {
    if (list.empty() || !list.front().devid.is_default()) return {};
    const auto taken = HOSPES_TRY(ids_in_use(host, domain, kind));
    unsigned id = 0;
    while (taken.count(id))
        ++id;
    list.front().devid = static_cast<int>(id);
    return {};
}

/// Completes, opens, writes, awaits and records the one device in `one`; what fails is taken back.
template <typename List>
Status attach(Host& host, xc::DomId domain, DomainConfig& one, const AttachOptions& options, List DomainConfig::*list) {
    const auto deadline = Clock::now() + std::chrono::milliseconds(options.timeout_ms);
    xc::Control* const control = HOSPES_TRY(host.control());
    xs::Client* const store = HOSPES_TRY(host.store());
    static_cast<void>(HOSPES_TRY(control->info(domain)));
    const ProcessLock lock = ProcessLock::domain(domain); // two at once would choose the same id
    HOSPES_TRY(choose_id(host, domain, one.nics, "vif"));
    HOSPES_TRY(choose_id(host, domain, one.vkbs, "vkbd"));
    HOSPES_TRY(choose_id(host, domain, one.p9s, "9pfs"));
    HOSPES_TRY(complete_devices(host, one));
    one.c_info.name = host.name_of(domain);
    Attachment attachment(host, domain, deadline, options.cancel);
    HOSPES_TRY(attachment.add_all(one));
    const Device device = attachment.devices().front();
    const auto taken = HOSPES_TRY(ids_in_use(host, domain, device.kind));
    if (taken.count(device.devid))
        return error("attach " + device.kind + " " + std::to_string(device.devid), EEXIST,
                     "the domain has one already");
    xs::Batch nodes;
    attachment.write_nodes(nodes);
    Status done = store->commit(nodes);
    if (done) done = attachment.connect();
    if (done) { // a domain of other tools has no record of ours: that is no failure
        done = change_record(domain, [&](DomainConfig& config) { (config.*list).push_back((one.*list).front()); });
        if (!done && done.problem().code == ENOENT) done = {};
    }
    if (!done) {
        static_cast<void>(unplug(host, device, Clock::now() + std::chrono::seconds(1), true));
        if (attachment.started_model())
            static_cast<void>(stop_device_model(host, model_of(domain), Clock::now() + std::chrono::seconds(1)));
    }
    return done;
}

void drop(DomainConfig& config, std::string_view kind, unsigned devid) {
    const auto same = [devid](const auto& device) { return device.devid == static_cast<int>(devid); };
    if (kind == "vbd") std::erase_if(config.disks, [&](const DeviceDisk& d) { return vdev_number(d.vdev) == devid; });
    if (kind == "vif") std::erase_if(config.nics, same);
    if (kind == "vfb") std::erase_if(config.vfbs, same);
    if (kind == "vkbd") std::erase_if(config.vkbs, same);
    if (kind == "9pfs") std::erase_if(config.p9s, same);
    if (kind == "console")
        std::erase_if(config.channels, [&](const DeviceChannel& c) { return c.devid + 1 == static_cast<int>(devid); });
}

/// Reads leaves of one device; what is not there leaves the default.
class Leaves {
  public:
    Leaves(xs::Client& store, std::string base) : store_(store), base_(std::move(base)) {}
    void text(const char* leaf, std::string& out) const {
        if (auto value = store_.read(base_ + "/" + leaf)) out = *std::move(value);
    }
    template <typename T> void number(const char* leaf, T& out) const {
        std::string value;
        text(leaf, value);
        if (const auto parsed = to_number<T>(value)) out = *parsed;
    }

  private:
    xs::Client& store_;
    std::string base_;
};

AttachedDevice read_device(xs::Client& store, xc::DomId domain, std::string_view kind, unsigned devid) {
    AttachedDevice d;
    d.kind = kind;
    d.devid = devid;
    const Leaves record(store, path::libxl_device(domain, d.kind, devid));
    record.text("frontend", d.frontend_path);
    record.text("backend", d.backend_path);
    const Leaves front(store, d.frontend_path), back(store, d.backend_path);
    front.number("backend-id", d.backend_domain);
    front.number("state", d.state);
    if (kind == "console") {
        front.number("port", d.event_channel);
        front.number("ring-ref", d.ring_ref);
        for (const auto& [leaf, out] :
             {std::pair{"name", &d.name}, {"connection", &d.connection}, {"path", &d.path}, {"tty", &d.tty}})
            front.text(leaf, *out);
        return d;
    }
    front.number("event-channel", d.event_channel);
    if (kind == "vif") {
        if (d.event_channel < 0) front.number("event-channel-tx", d.event_channel);
        front.number("tx-ring-ref", d.tx_ring_ref);
        front.number("rx-ring-ref", d.rx_ring_ref);
        front.text("mac", d.mac);
        back.text("bridge", d.bridge);
        back.text("ip", d.ip);
    } else if (kind == "vbd") {
        front.number("ring-ref", d.ring_ref);
        for (const auto& [leaf, out] : {std::pair{"params", &d.params},
                                        {"type", &d.type},
                                        {"mode", &d.mode},
                                        {"device-type", &d.device_type},
                                        {"dev", &d.vdev}})
            back.text(leaf, *out);
    } else if (kind == "9pfs") {
        front.text("tag", d.tag);
        back.text("path", d.path);
        back.text("security_model", d.security_model);
    }
    return d;
}

template <typename T>
Result<T> attach_one(Host& host, xc::DomId domain, T device, const AttachOptions& options,
                     std::vector<T> DomainConfig::*list) {
    DomainConfig one;
    (one.*list).push_back(std::move(device));
    HOSPES_TRY(attach(host, domain, one, options, list));
    return (one.*list).front();
}

} // namespace

Result<DeviceDisk> attach_disk(Host& host, xc::DomId domain, DeviceDisk disk, const AttachOptions& options) {
    return attach_one(host, domain, std::move(disk), options, &DomainConfig::disks);
}
Result<DeviceNic> attach_nic(Host& host, xc::DomId domain, DeviceNic nic, const AttachOptions& options) {
    return attach_one(host, domain, std::move(nic), options, &DomainConfig::nics);
}
Result<DeviceChannel> attach_channel(Host&, xc::DomId, DeviceChannel, const AttachOptions&) {
    return only_at_start("channel");
}
Result<DeviceVfb> attach_vfb(Host&, xc::DomId, DeviceVfb, const AttachOptions&) { return only_at_start("vfb"); }
Result<DeviceVkb> attach_vkb(Host& host, xc::DomId domain, DeviceVkb vkb, const AttachOptions& options) {
    return attach_one(host, domain, std::move(vkb), options, &DomainConfig::vkbs);
}
Result<DeviceP9> attach_p9(Host& host, xc::DomId domain, DeviceP9 p9, const AttachOptions& options) {
    return attach_one(host, domain, std::move(p9), options, &DomainConfig::p9s);
}

Status detach_device(Host& host, xc::DomId domain, std::string_view kind, unsigned devid,
                     const DetachOptions& options) {
    xc::Control* const control = HOSPES_TRY(host.control());
    static_cast<void>(HOSPES_TRY(control->info(domain)));
    for (const Device& device : HOSPES_TRY(recorded_devices(host, domain))) {
        if (device.kind != kind || device.devid != devid) continue;
        if (device.kind == "console" && devid == 0) break; // the guest's own
        const auto deadline = Clock::now() + std::chrono::milliseconds(options.timeout_ms);
        HOSPES_TRY(unplug(host, device, deadline, options.force, options.cancel));
        // A domain of other tools has no record of ours.
        static_cast<void>(change_record(domain, [&](DomainConfig& config) { drop(config, kind, devid); }));
        return {};
    }
    return error("detach " + std::string(kind) + " " + std::to_string(devid) + " of domain " + std::to_string(domain),
                 ENOENT, "there is no such device");
}

Result<std::vector<AttachedDevice>> list_devices(Host& host, xc::DomId domain, std::string_view kind) {
    xc::Control* const control = HOSPES_TRY(host.control());
    xs::Client* const store = HOSPES_TRY(host.store());
    static_cast<void>(HOSPES_TRY(control->info(domain)));
    std::vector<AttachedDevice> devices;
    for (const std::string_view one : all_kinds) {
        if (!kind.empty() && kind != one) continue;
        const auto names = store->directory(path::libxl(domain) + "/device/" + std::string(one));
        if (!names && names.problem().code != ENOENT) return names.problem();
        std::vector<unsigned> ids;
        for (const std::string& name : names ? *names : std::vector<std::string>())
            if (const auto id = to_number<unsigned>(name)) ids.push_back(*id);
        std::sort(ids.begin(), ids.end());
        for (const unsigned id : ids)
            devices.push_back(read_device(*store, domain, one, id));
    }
    return devices;
}

Result<AttachedDevice> find_device(Host& host, xc::DomId domain, std::string_view kind, std::string_view what) {
    const auto devices = HOSPES_TRY(list_devices(host, domain, kind));
    const auto devid = kind == "vbd" ? vdev_number(what) : to_number<std::uint32_t>(what);
    Mac wanted;
    const bool by_mac = kind == "vif" && parse(what, wanted);
    for (const AttachedDevice& device : devices) {
        Mac mac;
        if (by_mac ? parse(device.mac, mac) && mac == wanted : devid == device.devid) return device;
    }
    return error("find " + std::string(kind) + " '" + std::string(what) + "' of domain " + std::to_string(domain),
                 ENOENT, "there is no such device");
}

} // namespace hospes::xl
