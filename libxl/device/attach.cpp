// SPDX-License-Identifier: MIT
#include "libxl/device/attach.hpp"

#include <algorithm>
#include <cerrno>

#include "libxl/core/paths.hpp"
#include "libxl/device/disk_spec.hpp"
#include "libxl/device/spec_text.hpp"

namespace hospes::xl {
namespace {

constexpr std::string_view all_kinds[] = {"vbd", "vif", "console", "vfb", "vkbd", "9pfs"};

Error not_yet(std::string_view what) { return error("attach a " + std::string(what), EOPNOTSUPP, "not built yet"); }

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

} // namespace

Result<DeviceDisk> attach_disk(Host&, xc::DomId, DeviceDisk, const AttachOptions&) { return not_yet("disk"); }
Result<DeviceNic> attach_nic(Host&, xc::DomId, DeviceNic, const AttachOptions&) { return not_yet("vif"); }
Result<DeviceChannel> attach_channel(Host&, xc::DomId, DeviceChannel, const AttachOptions&) {
    return not_yet("channel");
}
Result<DeviceVfb> attach_vfb(Host&, xc::DomId, DeviceVfb, const AttachOptions&) { return not_yet("vfb"); }
Result<DeviceVkb> attach_vkb(Host&, xc::DomId, DeviceVkb, const AttachOptions&) { return not_yet("vkb"); }
Result<DeviceP9> attach_p9(Host&, xc::DomId, DeviceP9, const AttachOptions&) { return not_yet("9pfs device"); }

Status detach_device(Host&, xc::DomId, std::string_view kind, unsigned, const DetachOptions&) {
    return error("detach a " + std::string(kind), EOPNOTSUPP, "not built yet");
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
