// SPDX-License-Identifier: MIT
#include "libxl/device/disk_spec.hpp"
#include "libxl/device/spec_text.hpp"
#include "libxl/xml/import.hpp"

namespace hospes::xl::xml {
namespace {

std::string backend_domain(const Element& device) {
    const auto backend = device.child("backenddomain");
    return backend ? backend->attribute_or("name") : std::string();
}

Status disk_driver(const Element& element, DeviceDisk& disk) {
    const auto driver = element.child("driver");
    if (!driver) return {};
    const std::string name = driver->attribute_or("name"), type = driver->attribute_or("type");
    if (name == "phy")
        disk.backend = DiskBackend::phy;
    else if (name == "qemu")
        disk.backend = DiskBackend::qdisk;
    else if (name == "tap" || name == "tap2")
        disk.backend = DiskBackend::tap;
    else if (!name.empty() && name != "file")
        return driver->wrong("unknown driver '" + name + "'", "phy, file or qemu");
    if (!type.empty() && type != "aio") { // "aio" is tap's word for raw
        const auto format = from_string<DiskFormat>(type == "vpc" ? "vhd" : type);
        if (!format || *format == DiskFormat::unknown) return driver->wrong("unknown format '" + type + "'");
        disk.format = *format;
    }
    if (const auto discard = driver->attribute("discard")) disk.discard_enable = *discard == "unmap";
    return {};
}

Status import_disk(const Element& element, DomainConfig& config) {
    DeviceDisk disk;
    disk.readwrite = 1;
    const std::string device = element.attribute_or("device", "disk"), type = element.attribute_or("type", "file");
    if (device == "cdrom") {
        disk.is_cdrom = disk.removable = 1;
        disk.readwrite = 0;
    } else if (device != "disk") {
        return element.wrong("a " + device + " is not supported");
    }
    if (type != "file" && type != "block")
        return element.wrong("a disk of type '" + type + "' is not supported", "file or block");
    HOSPES_TRY(disk_driver(element, disk));
    if (const auto source = element.child("source"))
        disk.pdev_path = source->attribute_or(type == "block" ? "dev" : "file");
    const auto target = element.child("target");
    if (!target) return element.wrong("the disk has no <target>");
    disk.vdev = target->attribute_or("dev");
    if (!vdev_number(disk.vdev)) return target->wrong("'" + disk.vdev + "' is not a device name", "for example xvda");
    if (element.child("readonly")) disk.readwrite = 0;
    if (const auto backing = element.child("backingStore")) backing->use_all(); // QEMU finds it in the image
    if (const auto script = element.child("script")) disk.script = script->attribute_or("path");
    disk.backend_domname = backend_domain(element);
    if (disk.pdev_path.empty() && !disk.is_cdrom) return element.wrong("the disk has no source");
    if (disk.format == DiskFormat::unknown) disk.format = disk.pdev_path.empty() ? DiskFormat::empty : DiskFormat::raw;
    for (const DeviceDisk& other : config.disks)
        if (other.vdev == disk.vdev) return target->wrong("two disks are called " + disk.vdev);
    config.disks.push_back(std::move(disk));
    return {};
}

Status import_interface(const Element& element, DomainConfig& config) {
    DeviceNic nic;
    const std::string type = element.attribute_or("type");
    if (type != "bridge" && type != "ethernet" && type != "network")
        return element.wrong("an interface of type '" + type + "' is not supported", "bridge, ethernet or network");
    if (const auto mac = element.child("mac"); mac && !parse(mac->attribute_or("address"), nic.mac))
        return mac->wrong("not a MAC address");
    if (const auto source = element.child("source")) {
        nic.bridge = source->attribute_or("bridge");
        if (type == "network" && nic.bridge.empty())
            return source->wrong("the networks of libvirt are not known here",
                                 "name the bridge: <source bridge='...'/>");
    }
    if (const auto target = element.child("target")) {
        const std::string name = target->attribute_or("dev"); // vifX.Y is what libvirt reports of a running guest
        if (!name.starts_with("vif")) nic.ifname = name;
    }
    if (const auto script = element.child("script")) nic.script = script->attribute_or("path");
    for (const Element& ip : element.children("ip"))
        nic.ip += (nic.ip.empty() ? "" : " ") + ip.attribute_or("address");
    if (const auto model = element.child("model")) {
        const std::string name = model->attribute_or("type");
        nic.nictype = name == "netfront"                      ? NicType::vif
                      : config.c_info.type == DomainType::hvm ? NicType::vif_ioemu
                                                              : NicType::unknown;
        if (name != "netfront") nic.model = name;
    }
    if (const auto mtu = element.child("mtu")) nic.mtu = HOSPES_TRY(number<int>(*mtu, mtu->attribute_or("size")));
    if (const auto bandwidth = element.child("bandwidth"))
        if (const auto out = bandwidth->child("outbound")) { // kilobytes a second; libxl counts by intervals of 50 ms
            const auto average = HOSPES_TRY(number<std::uint64_t>(*out, out->attribute_or("average")));
            if (average == 0 || average >> 40) return out->wrong("no such rate");
            nic.rate_interval_usecs = 50000;
            nic.rate_bytes_per_interval = average * 1000 * nic.rate_interval_usecs / 1000000;
        }
    nic.backend_domname = backend_domain(element);
    config.nics.push_back(std::move(nic));
    return {};
}

Status import_channel(const Element& element, DomainConfig& config) {
    const auto target = element.child("target");
    if (!target || target->attribute_or("type") != "xen")
        return element.wrong("only channels with <target type='xen'> are supported");
    DeviceChannel channel;
    channel.name = target->attribute_or("name");
    const std::string type = element.attribute_or("type");
    if (type == "pty") {
        channel.connection = ChannelConnection::pty;
    } else if (type == "unix") {
        channel.connection = ChannelConnection::socket;
        if (const auto source = element.child("source")) channel.socket_path = source->attribute_or("path");
        if (channel.socket_path.empty()) return element.wrong("the socket has no path");
    } else {
        return element.wrong("a channel of type '" + type + "' is not supported", "pty or unix");
    }
    channel.devid = static_cast<int>(config.channels.size());
    config.channels.push_back(std::move(channel));
    return {};
}

Status vnc_of(const Element& element, VncInfo& vnc) {
    vnc.enable = true;
    vnc.findunused = element.attribute_or("autoport") == "yes";
    vnc.passwd = element.attribute_or("passwd");
    vnc.listen = element.attribute_or("listen");
    if (const auto listen = element.child("listen"))
        if (const auto address = listen->attribute("address")) vnc.listen = *address;
    const int port = HOSPES_TRY(number_attribute<int>(element, "port", -1));
    if (port == -1) return {};
    if (port < 5900 || port > 65535) return element.wrong("VNC's ports start at 5900");
    vnc.display = port - 5900;
    return {};
}

Status import_graphics(const Element& element, DomainConfig& config) {
    const std::string type = element.attribute_or("type");
    VncInfo vnc;
    SdlInfo sdl;
    if (type == "vnc") {
        HOSPES_TRY(vnc_of(element, vnc));
    } else if (type == "sdl") {
        sdl.enable = true;
        sdl.display = element.attribute_or("display");
        sdl.xauthority = element.attribute_or("xauth");
    } else if (type == "spice" && config.c_info.type == DomainType::hvm) {
        SpiceInfo& spice = config.b_info.hvm.spice;
        spice.enable = true;
        spice.port = std::max(0, HOSPES_TRY(number_attribute<int>(element, "port", 0)));
        spice.tls_port = std::max(0, HOSPES_TRY(number_attribute<int>(element, "tlsPort", 0)));
        spice.host = element.attribute_or("listen");
        spice.passwd = element.attribute_or("passwd");
        spice.disable_ticketing = spice.passwd.empty();
        return {};
    } else {
        return element.wrong("graphics of type '" + type + "' are not supported here", "vnc or sdl");
    }
    const std::string keymap = element.attribute_or("keymap");
    if (config.c_info.type == DomainType::hvm) {
        HvmInfo& hvm = config.b_info.hvm;
        if (type == "vnc") hvm.vnc = vnc;
        if (type == "sdl") hvm.sdl = sdl;
        hvm.keymap = keymap;
        return {};
    }
    DeviceVfb& vfb = config.vfbs.emplace_back();
    vfb.devid = static_cast<int>(config.vfbs.size()) - 1;
    vfb.vnc = vnc;
    vfb.sdl = sdl;
    vfb.keymap = keymap;
    config.vkbs.emplace_back().devid = static_cast<int>(config.vkbs.size()) - 1;
    return {};
}

Status import_video(const Element& element, DomainConfig& config) {
    const auto model = element.child("model");
    if (!model || config.c_info.type != DomainType::hvm) return {};
    const std::string type = model->attribute_or("type");
    VgaInterfaceType& kind = config.b_info.hvm.vga.kind;
    if (type == "cirrus" || type == "qxl" || type == "none")
        kind = *from_string<VgaInterfaceType>(type);
    else if (type == "vga")
        kind = VgaInterfaceType::std;
    else if (type != "xen")
        return model->wrong("unknown video model '" + type + "'", "cirrus, vga, qxl, xen or none");
    if (model->attribute("vram"))
        config.b_info.video_memkb = HOSPES_TRY(number_attribute<std::uint64_t>(*model, "vram", 0));
    return {};
}

Status import_pci(const Element& source, bool managed, DomainConfig& config) {
    const auto address = source.child("address");
    if (!address) return source.wrong("the device has no <address>");
    DevicePci pci;
    pci.domain = static_cast<int>(HOSPES_TRY(number_attribute<std::uint32_t>(*address, "domain", 0)));
    pci.bus = HOSPES_TRY(number_attribute<std::uint8_t>(*address, "bus", 0));
    pci.dev = HOSPES_TRY(number_attribute<std::uint8_t>(*address, "slot", 0));
    pci.func = HOSPES_TRY(number_attribute<std::uint8_t>(*address, "function", 0));
    if (pci.dev > 31 || pci.func > 7 || pci.domain < 0 || pci.domain > 0xffff)
        return address->wrong("no such PCI address");
    pci.vfunc_mask = 1;
    pci.seize = managed;
    pci.permissive = source.attribute_or("writeFiltering") == "no";
    pci.rdm_policy = RdmReservePolicy::strict;
    config.pcidevs.push_back(std::move(pci));
    return {};
}

Status import_hostdev(const Element& element, DomainConfig& config) {
    const std::string type = element.attribute_or("type");
    const auto source = element.child("source");
    if (element.attribute_or("mode") != "subsystem" || !source || (type != "pci" && type != "usb"))
        return element.wrong("only mode='subsystem' with type='pci' or 'usb' is supported");
    if (const auto driver = element.child("driver")) driver->use_all();
    if (const auto at = element.child("address")) at->use_all(); // where the guest sees it: libxl decides
    if (type == "pci") return import_pci(*source, element.attribute_or("managed") == "yes", config);
    const auto address = source->child("address");
    if (!address) return source->wrong("a USB device is named by its <address>");
    DeviceUsbDev usb;
    usb.hostbus = HOSPES_TRY(number_attribute<std::uint8_t>(*address, "bus", 0));
    usb.hostaddr = HOSPES_TRY(number_attribute<std::uint8_t>(*address, "device", 0));
    config.usbdevs.push_back(usb);
    return {};
}

Status import_controller(const Element& element, DomainConfig& config) {
    const std::string type = element.attribute_or("type");
    BuildInfo& b = config.b_info;
    if (type == "xenbus") {
        if (element.attribute("maxGrantFrames"))
            b.max_grant_frames = HOSPES_TRY(number_attribute<std::uint32_t>(element, "maxGrantFrames", 0));
        if (element.attribute("maxEventChannels"))
            b.event_channels = HOSPES_TRY(number_attribute<std::uint32_t>(element, "maxEventChannels", 0));
    } else if (type == "usb") {
        DeviceUsbCtrl& control = config.usbctrls.emplace_back();
        const std::string model = element.attribute_or("model");
        control.devid = static_cast<int>(config.usbctrls.size()) - 1;
        control.type = model.starts_with("qusb") ? UsbCtrlType::qusb : UsbCtrlType::auto_;
        control.version = model.ends_with('1') ? 1 : model.ends_with('2') ? 2 : 0;
        control.ports = HOSPES_TRY(number_attribute<int>(element, "ports", 0));
    }
    return {}; // the others are the emulated machine's own
}

Status import_input(const Element& element, DomainConfig& config) {
    const std::string type = element.attribute_or("type"), bus = element.attribute_or("bus");
    if (bus != "usb") return {}; // ps2 and xen are there anyhow
    config.b_info.hvm.usb = true;
    config.b_info.hvm.usbdevice_list.push_back(type);
    return {};
}

Status import_serial(const Element& element, DomainConfig& config) {
    const std::string type = element.attribute_or("type");
    if (const auto target = element.child("target")) target->use_all();
    const auto source = element.child("source");
    if (config.c_info.type != DomainType::hvm) return {};
    if (type == "pty" || type == "null" || type == "stdio" || type == "vc")
        config.b_info.hvm.serial_list.push_back(type);
    else if (type == "file" && source)
        config.b_info.hvm.serial_list.push_back("file:" + source->attribute_or("path"));
    else if (type == "dev" && source)
        config.b_info.hvm.serial_list.push_back(source->attribute_or("path"));
    else
        return element.wrong("a serial port of type '" + type + "' is not supported", "pty, null, file or dev");
    return {};
}

} // namespace

Status import_devices(const Element& devices, DomainConfig& config) {
    struct Kind {
        const char* name;
        Status (*import)(const Element&, DomainConfig&);
    };
    static constexpr Kind kinds[] = {{"disk", import_disk},
                                     {"interface", import_interface},
                                     {"channel", import_channel},
                                     {"graphics", import_graphics},
                                     {"video", import_video},
                                     {"hostdev", import_hostdev},
                                     {"controller", import_controller},
                                     {"input", import_input},
                                     {"serial", import_serial}};
    if (const auto emulator = devices.child("emulator"))
        if (config.c_info.type == DomainType::hvm) config.b_info.device_model = emulator->text();
    for (const char* const always_there : {"console", "memballoon"})
        for (const Element& element : devices.children(always_there))
            element.use_all();
    for (const Kind& kind : kinds)
        for (const Element& element : devices.children(kind.name)) {
            for (const char* const of_no_concern : {"alias", "address"})
                if (kind.import != import_hostdev)
                    if (const auto found = element.child(of_no_concern)) found->use_all();
            HOSPES_TRY(kind.import(element, config));
        }
    int number_of_nics = 0;
    for (DeviceNic& nic : config.nics)
        nic.devid = number_of_nics++;
    return {};
}

} // namespace hospes::xl::xml
