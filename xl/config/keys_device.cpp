// SPDX-License-Identifier: MIT
// Device lists: each element is a specification string.
#include "libxl/device/spec_text.hpp"
#include "xl/config/key_makers.hpp"

namespace hospes::cfg {
namespace {

/// Applies `one` to every string of a list; a plain string counts as a list of one.
template <typename One> Outcome each_spec(const Value& value, One&& one) {
    if (!value.is_list()) return one(value, value.text());
    for (const Value& item : value.list()) {
        if (item.is_list()) return wrong(item, "a string is wanted here, not a list");
        if (Outcome bad = one(item, item.text())) return bad;
    }
    return {};
}

/// Splits "key=value,..." and gives each pair to `take`, which says whether it knew the key.
template <typename Take> Outcome each_pair(const Value& value, std::string_view spec, Take&& take) {
    while (!spec.empty()) {
        const std::string_view item = xl::next_item(spec);
        if (item.empty()) continue;
        const auto equals = item.find('=');
        if (equals == std::string_view::npos) return wrong(value, "'" + std::string(item) + "' is not KEY=VALUE");
        const std::string_view key = xl::trim(item.substr(0, equals)), text = xl::trim(item.substr(equals + 1));
        if (!take(key, text)) return wrong(value, "'" + std::string(item) + "' is not understood here");
    }
    return {};
}

template <typename T> bool set_number(std::string_view text, T& out) {
    const auto number = xl::to_number<T>(text);
    if (number) out = *number;
    return number.has_value();
}
bool set_flag(std::string_view text, xl::DefBool& out) {
    if (text != "0" && text != "1") return false;
    out = text == "1";
    return true;
}
template <typename E> bool set_choice(std::string_view text, E& out) {
    const auto parsed = xl::from_string<E>(text);
    if (parsed) out = *parsed;
    return parsed.has_value();
}

Outcome read_disks(Draft& d, const Value& value) {
    return each_spec(value, [&](const Value& item, const std::string& spec) -> Outcome {
        auto disk = xl::parse_disk(spec);
        if (!disk) return wrong(item, disk.problem().text(), disk.problem().hint);
        for (const xl::DeviceDisk& other : d.config.disks)
            if (other.vdev == disk->vdev) return wrong(item, "two disks are called " + disk->vdev);
        d.config.disks.push_back(*std::move(disk));
        return {};
    });
}

Outcome read_nics(Draft& d, const Value& value) {
    return each_spec(value, [&](const Value& item, const std::string& spec) -> Outcome {
        auto nic = xl::parse_nic(spec, d.defaults.nic);
        if (!nic) return wrong(item, nic.problem().text(), nic.problem().hint);
        d.config.nics.push_back(*std::move(nic));
        return {};
    });
}

bool set_vfb_pair(xl::DeviceVfb& vfb, std::string_view key, std::string_view text) {
    if (key == "vnc") return set_flag(text, vfb.vnc.enable);
    if (key == "vncunused") return set_flag(text, vfb.vnc.findunused);
    if (key == "vncdisplay") return set_number(text, vfb.vnc.display);
    if (key == "sdl") return set_flag(text, vfb.sdl.enable);
    if (key == "opengl") return set_flag(text, vfb.sdl.opengl);
    std::string* const target = key == "vnclisten"    ? &vfb.vnc.listen
                                : key == "vncpasswd"  ? &vfb.vnc.passwd
                                : key == "display"    ? &vfb.sdl.display
                                : key == "xauthority" ? &vfb.sdl.xauthority
                                : key == "keymap"     ? &vfb.keymap
                                                      : nullptr;
    if (target) *target = text;
    return target || key == "type";
}

Outcome read_vfbs(Draft& d, const Value& value) {
    return each_spec(value, [&](const Value& item, const std::string& spec) -> Outcome {
        xl::DeviceVfb vfb;
        vfb.devid = static_cast<int>(d.config.vfbs.size());
        if (Outcome bad = each_pair(item, spec, [&](auto key, auto text) { return set_vfb_pair(vfb, key, text); }))
            return bad;
        d.config.vfbs.push_back(vfb);
        xl::DeviceVkb vkb; // a framebuffer without keyboard and pointer is of no use
        vkb.devid = static_cast<int>(d.config.vkbs.size());
        d.config.vkbs.push_back(vkb);
        return {};
    });
}

Outcome read_channels(Draft& d, const Value& value) {
    return each_spec(value, [&](const Value& item, const std::string& spec) -> Outcome {
        xl::DeviceChannel channel;
        const auto take = [&](std::string_view key, std::string_view text) {
            if (key == "connection") return set_choice(text, channel.connection);
            std::string* const target = key == "name"      ? &channel.name
                                        : key == "path"    ? &channel.socket_path
                                        : key == "backend" ? &channel.backend_domname
                                                           : nullptr;
            if (target) *target = text;
            return target != nullptr;
        };
        if (Outcome bad = each_pair(item, spec, take)) return bad;
        if (channel.connection == xl::ChannelConnection::unknown)
            return wrong(item, "the channel has no connection", "connection=pty or connection=socket,path=...");
        if (channel.connection == xl::ChannelConnection::socket && channel.socket_path.empty())
            return wrong(item, "the socket channel has no path", "add path=/run/...");
        channel.devid = static_cast<int>(d.config.channels.size());
        d.config.channels.push_back(channel);
        return {};
    });
}

Outcome read_p9s(Draft& d, const Value& value) {
    return each_spec(value, [&](const Value& item, const std::string& spec) -> Outcome {
        xl::DeviceP9 p9;
        const auto take = [&](std::string_view key, std::string_view text) {
            std::string* const target = key == "tag"              ? &p9.tag
                                        : key == "path"           ? &p9.path
                                        : key == "security_model" ? &p9.security_model
                                        : key == "backend"        ? &p9.backend_domname
                                                                  : nullptr;
            if (target) *target = text;
            return target != nullptr;
        };
        if (Outcome bad = each_pair(item, spec, take)) return bad;
        if (p9.tag.empty() || p9.path.empty() || p9.security_model.empty())
            return wrong(item, "a p9 share needs tag=, path= and security_model=");
        p9.devid = static_cast<int>(d.config.p9s.size());
        d.config.p9s.push_back(p9);
        return {};
    });
}

/// "[DDDD:]BB:DD.F[@VSLOT][,key=value...]"
Outcome read_pcis(Draft& d, const Value& value) {
    return each_spec(value, [&](const Value& item, const std::string& spec) -> Outcome {
        std::string_view rest = spec;
        const std::string_view bdf = xl::next_item(rest);
        xl::DevicePci pci;
        unsigned domain = 0, bus = 0, dev = 0, func = 0;
        if (std::sscanf(std::string(bdf).c_str(), "%x:%x:%x.%x", &domain, &bus, &dev, &func) != 4) {
            domain = 0;
            if (std::sscanf(std::string(bdf).c_str(), "%x:%x.%x", &bus, &dev, &func) != 3)
                return wrong(item, "'" + std::string(bdf) + "' is not a PCI address", "for example 0000:03:00.0");
        }
        if (domain > 0xffff || bus > 255 || dev > 31 || func > 7)
            return wrong(item, "'" + std::string(bdf) + "' is not a PCI address");
        pci.domain = static_cast<int>(domain);
        pci.bus = static_cast<std::uint8_t>(bus);
        pci.dev = static_cast<std::uint8_t>(dev);
        pci.func = static_cast<std::uint8_t>(func);
        const auto take = [&](std::string_view key, std::string_view text) {
            bool* const target = key == "msitranslate" ? &pci.msitranslate
                                 : key == "power_mgmt" ? &pci.power_mgmt
                                 : key == "permissive" ? &pci.permissive
                                 : key == "seize"      ? &pci.seize
                                                       : nullptr;
            if (target) *target = text == "1";
            if (key == "name") pci.name = text;
            return target || key == "name" || (key == "rdm_policy" && set_choice(text, pci.rdm_policy));
        };
        if (Outcome bad = each_pair(item, rest, take)) return bad;
        d.config.pcidevs.push_back(pci);
        return {};
    });
}

Outcome read_usbctrls(Draft& d, const Value& value) {
    return each_spec(value, [&](const Value& item, const std::string& spec) -> Outcome {
        xl::DeviceUsbCtrl control;
        control.devid = static_cast<int>(d.config.usbctrls.size());
        const auto take = [&](std::string_view key, std::string_view text) {
            if (key == "type") return set_choice(text, control.type);
            if (key == "version") return set_number(text, control.version);
            return key == "ports" && set_number(text, control.ports);
        };
        if (Outcome bad = each_pair(item, spec, take)) return bad;
        d.config.usbctrls.push_back(control);
        return {};
    });
}

Outcome read_usbdevs(Draft& d, const Value& value) {
    return each_spec(value, [&](const Value& item, const std::string& spec) -> Outcome {
        xl::DeviceUsbDev device;
        const auto take = [&](std::string_view key, std::string_view text) {
            int number = 0;
            if (key == "type") return set_choice(text, device.type);
            if (key == "hostbus") return set_number(text, device.hostbus);
            if (key == "hostaddr") return set_number(text, device.hostaddr);
            if (key == "port") return set_number(text, device.port);
            if (key != "controller" || !set_number(text, number)) return false;
            device.ctrl = number;
            return true;
        };
        if (Outcome bad = each_pair(item, spec, take)) return bad;
        d.config.usbdevs.push_back(device);
        return {};
    });
}

Outcome read_vtpms(Draft& d, const Value& value) {
    return each_spec(value, [&](const Value& item, const std::string& spec) -> Outcome {
        xl::DeviceVtpm vtpm;
        vtpm.devid = static_cast<int>(d.config.vtpms.size());
        const auto take = [&](std::string_view key, std::string_view text) {
            if (key == "uuid") return parse(text, vtpm.uuid);
            if (key == "backend") vtpm.backend_domname = text;
            return key == "backend";
        };
        if (Outcome bad = each_pair(item, spec, take)) return bad;
        d.config.vtpms.push_back(vtpm);
        return {};
    });
}

const Key device_keys[] = {{"disk", read_disks},
                           {"vif", read_nics},
                           {"vfb", read_vfbs},
                           {"channel", read_channels},
                           {"p9", read_p9s},
                           {"pci", read_pcis},
                           {"usbctrl", read_usbctrls},
                           {"usbdev", read_usbdevs},
                           {"vtpm", read_vtpms},
                           // Known, and of no effect so far.
                           {"vkb", {}},
                           {"vdispl", {}},
                           {"vsnd", {}},
                           {"pvcalls", {}},
                           {"virtio", {}},
                           {"vif2", {}}};

} // namespace

void add_device_keys(std::vector<Key>& keys) {
    keys.insert(keys.end(), std::begin(device_keys), std::end(device_keys));
}

} // namespace hospes::cfg
