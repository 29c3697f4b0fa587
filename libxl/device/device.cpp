// SPDX-License-Identifier: MIT
#include "libxl/device/device.hpp"

#include "libxl/core/paths.hpp"
#include "libxl/device/device_model.hpp"
#include "libxl/device/disk_spec.hpp"
#include "libxl/device/spec_text.hpp"

namespace hospes::xl {
namespace {

const char* flag(bool on) { return on ? "1" : "0"; }
std::string script_path(const std::string& script, const char* fallback) {
    if (script.empty()) return std::string("/etc/xen/scripts/") + fallback;
    return script.find('/') == std::string::npos ? "/etc/xen/scripts/" + script : script;
}

/// What QEMU calls it; the stock tools write the same, "aio" for raw.
std::string qemu_format(DiskFormat format) {
    if (format == DiskFormat::vhd) return "vhd";
    return format == DiskFormat::raw || format == DiskFormat::unknown ? "aio" : std::string(to_string(format));
}

} // namespace

std::string read_leaf(xs::Client& store, const std::string& device, const char* name) {
    auto text = store.read(device + "/" + name);
    return text ? *std::move(text) : std::string();
}

BusState read_state(xs::Client& store, const std::string& end) {
    return static_cast<BusState>(to_number<int>(read_leaf(store, end, "state")).value_or(0));
}

bool given_up(xs::Client& store, const Device& device) {
    return device.backend_domain != 0 && read_leaf(store, device.backend_path(), "hotplug-status") == "error";
}

std::string Device::backend_path() const { return path::backend(backend_domain, backend_kind, guest, devid); }
std::string Device::frontend_path() const { return path::frontend(guest, kind, devid); }
std::string Device::record_path() const { return path::libxl_device(guest, kind, devid); }

Device describe_disk(const DeviceDisk& disk, xc::DomId guest, const std::string& node, const std::string& number) {
    Device d{"vbd", guest, static_cast<xc::DomId>(disk.backend_domid), vdev_number(disk.vdev).value_or(0), {}, {}};
    const std::string type = disk.is_cdrom ? "cdrom" : "disk";
    const bool qemu = needs_qemu(disk);
    if (qemu) d.backend_kind = "qdisk";
    d.backend = {{"params", qemu ? qemu_format(disk.format) + ":" + disk.pdev_path : disk.pdev_path},
                 {"script", script_path(disk.script, "block")},
                 {"removable", flag(disk.removable != 0)},
                 {"bootable", "1"},
                 {"dev", disk.vdev},
                 {"type", qemu ? "qdisk" : "phy"},
                 {"mode", disk.readwrite ? "w" : "r"},
                 {"device-type", type},
                 {"discard-enable", flag(disk.discard_enable.value_or(disk.readwrite != 0))},
                 {"specification", "xen"}};
    if (disk.direct_io_safe) d.backend.emplace_back("direct-io-safe", "1");
    if (!number.empty()) {
        d.backend.emplace_back("node", node);
        d.backend.emplace_back("physical-device-path", node);
        d.backend.emplace_back("physical-device", number); // blkback opens the device when it sees this
        d.backend.emplace_back("hotplug-status", "connected");
    }
    d.frontend = {{"virtual-device", std::to_string(d.devid)},
                  {"device-type", type},
                  {"trusted", flag(disk.trusted.value_or(true))},
                  {"protocol", "x86_64-abi"}};
    return d;
}

Device describe_nic(const DeviceNic& nic, xc::DomId guest) {
    Device d{"vif", guest, static_cast<xc::DomId>(nic.backend_domid), static_cast<unsigned>(nic.devid.value), {}, {}};
    d.backend = {{"script", script_path(nic.script, "vif-bridge")},
                 {"mac", to_string(nic.mac)},
                 {"bridge", nic.bridge},
                 {"handle", std::to_string(d.devid)},
                 {"type", "vif"},
                 {"hotplug-status", ""}};
    if (!nic.ip.empty()) d.backend.emplace_back("ip", nic.ip);
    if (nic.mtu) d.backend.emplace_back("mtu", std::to_string(nic.mtu));
    if (!nic.ifname.empty()) d.backend.emplace_back("vifname", nic.ifname);
    if (!nic.gatewaydev.empty()) d.backend.emplace_back("gatewaydev", nic.gatewaydev);
    if (nic.rate_interval_usecs)
        d.backend.emplace_back("rate", std::to_string(nic.rate_bytes_per_interval) + "," +
                                           std::to_string(nic.rate_interval_usecs));
    d.frontend = {{"handle", std::to_string(d.devid)},
                  {"mac", to_string(nic.mac)},
                  {"trusted", flag(nic.trusted.value_or(true))}};
    return d;
}

Device describe_vfb(const DeviceVfb& vfb, xc::DomId guest, const std::string& guest_name) {
    Device d{"vfb", guest, static_cast<xc::DomId>(vfb.backend_domid), static_cast<unsigned>(vfb.devid.value), {}, {}};
    d.backend = {{"domain", guest_name},
                 {"vnc", flag(vfb.vnc.enable.value_or(true))},
                 {"vnclisten", vfb.vnc.listen},
                 {"vncpasswd", vfb.vnc.passwd},
                 {"vncdisplay", std::to_string(vfb.vnc.display)},
                 {"vncunused", flag(vfb.vnc.findunused.value_or(true))},
                 {"sdl", flag(vfb.sdl.enable.value_or(false))},
                 {"opengl", flag(vfb.sdl.opengl.value_or(false))}};
    if (!vfb.sdl.xauthority.empty()) d.backend.emplace_back("xauthority", vfb.sdl.xauthority);
    if (!vfb.sdl.display.empty()) d.backend.emplace_back("display", vfb.sdl.display);
    if (!vfb.keymap.empty()) d.backend.emplace_back("keymap", vfb.keymap);
    return d;
}

Device describe_vkb(const DeviceVkb& vkb, xc::DomId guest) {
    Device d{"vkbd", guest, static_cast<xc::DomId>(vkb.backend_domid), static_cast<unsigned>(vkb.devid.value), {}, {}};
    if (vkb.backend_type == VkbBackend::unknown || vkb.backend_type == VkbBackend::qemu) return d;
    // A backend other than QEMU is told what to offer (xen/io/kbdif.h).
    d.backend.emplace_back("backend-type", to_string(vkb.backend_type));
    d.frontend.emplace_back("unique-id", vkb.unique_id);
    d.backend.emplace_back("feature-disable-keyboard", flag(vkb.feature_disable_keyboard));
    d.backend.emplace_back("feature-disable-pointer", flag(vkb.feature_disable_pointer));
    d.backend.emplace_back("feature-abs-pointer", flag(vkb.feature_abs_pointer));
    d.backend.emplace_back("feature-raw-pointer", flag(vkb.feature_raw_pointer));
    d.backend.emplace_back("feature-multi-touch", flag(vkb.feature_multi_touch));
    d.backend.emplace_back("width", std::to_string(vkb.width));
    d.backend.emplace_back("height", std::to_string(vkb.height));
    return d;
}

Device describe_p9(const DeviceP9& p9, xc::DomId guest) {
    Device d{"9pfs", guest, static_cast<xc::DomId>(p9.backend_domid), static_cast<unsigned>(p9.devid.value), {}, {}};
    d.backend = {{"path", p9.path}, {"security_model", p9.security_model}};
    d.frontend = {{"tag", p9.tag}};
    return d;
}

Device describe_channel(const DeviceChannel& channel, xc::DomId guest) {
    const unsigned devid = static_cast<unsigned>(channel.devid.value) + 1;
    Device d{"console", guest, static_cast<xc::DomId>(channel.backend_domid), devid, {}, {}};
    const std::string connection(to_string(channel.connection));
    d.backend = {{"protocol", "vt100"}, {"name", channel.name}, {"connection", connection}};
    d.frontend = {{"limit", "1048576"},
                  {"type", "ioemu"},
                  {"output", "chardev:libxl-channel" + std::to_string(channel.devid.value)},
                  {"tty", ""},
                  {"name", channel.name},
                  {"connection", connection}};
    if (channel.connection == ChannelConnection::socket) {
        d.backend.emplace_back("path", channel.socket_path);
        d.frontend.emplace_back("path", channel.socket_path);
    }
    return d;
}

void write_nodes(xs::Batch& out, const Device& device) {
    const std::string front = device.frontend_path(), back = device.backend_path(), record = device.record_path();
    const std::string guest = std::to_string(device.guest);
    out.mkdir(front);
    out.permissions(front, {{device.guest, 'n'}, {device.backend_domain, 'r'}});
    out.write(front + "/backend", back);
    out.write(front + "/backend-id", std::to_string(device.backend_domain));
    out.write(front + "/state", "1");
    for (const auto& [key, value] : device.frontend)
        out.write(front + "/" + key, value);
    out.mkdir(back);
    out.permissions(back, {{device.backend_domain, 'n'}, {device.guest, 'r'}});
    for (const std::string& end : {back, record}) {
        out.write(end + "/frontend", front);
        if (end == record) out.write(end + "/backend", back);
        for (const auto& [key, value] : device.backend)
            out.write(end + "/" + key, value);
        out.write(end + "/frontend-id", guest);
        out.write(end + "/online", "1");
        out.write(end + "/state", "1");
    }
}

void remove_nodes(xs::Batch& out, const Device& device) {
    out.remove(device.frontend_path());
    out.remove(device.backend_path());
    out.remove(device.record_path());
}

} // namespace hospes::xl
