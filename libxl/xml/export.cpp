// SPDX-License-Identifier: MIT
#include <algorithm>
#include <optional>

#include "libxl/types/json.hpp"
#include "libxl/xml/domain_xml.hpp"
#include "libxl/xml/writer.hpp"

namespace hospes::xl {
namespace xml {

bool representable(std::string_view text) {
    for (const char c : text)
        if (static_cast<unsigned char>(c) < 0x20 && c != '\t' && c != '\n' && c != '\r') return false;
    const std::string terminated(text);
    return terminated.size() == text.size() && xmlCheckUTF8(reinterpret_cast<const unsigned char*>(terminated.c_str()));
}

} // namespace xml

namespace {

using xml::Out;

std::string yes_no(bool value) { return value ? "yes" : "no"; }
std::string on_off(bool value) { return value ? "on" : "off"; }

std::string ranges(const Bitmap& map) {
    std::string out;
    const std::vector<unsigned> members = map.members();
    for (std::size_t i = 0; i < members.size();) {
        std::size_t last = i;
        while (last + 1 < members.size() && members[last + 1] == members[last] + 1)
            ++last;
        out += (out.empty() ? "" : ",") + std::to_string(members[i]);
        if (last > i) out += "-" + std::to_string(members[last]);
        i = last + 1;
    }
    return out;
}

class Exporter {
  public:
    Exporter(const DomainConfig& config, Out root, std::vector<std::string>& left_out)
        : config_(config), b_(config.b_info), hvm_(config.c_info.type == DomainType::hvm), root_(root),
          left_out_(left_out) {}

    void run() {
        identity();
        resources();
        boot();
        features();
        clock();
        numa();
        events();
        devices();
        name_the_rest();
    }

  private:
    void identity() {
        root_.add_text("name", config_.c_info.name);
        if (!config_.c_info.uuid.is_nil()) root_.add_text("uuid", to_string(config_.c_info.uuid));
        if (!config_.c_info.ssid_label.empty())
            root_.add("seclabel", {{"type", "static"}, {"model", "flask"}})
                .add_text("label", config_.c_info.ssid_label);
    }

    void resources() {
        const std::uint64_t most = b_.max_memkb.is_default() ? std::uint64_t{32} * 1024 : b_.max_memkb.value;
        root_.add_text("memory", std::to_string(most), {{"unit", "KiB"}});
        root_.add_text("currentMemory", std::to_string(b_.target_memkb.is_default() ? most : b_.target_memkb.value),
                       {{"unit", "KiB"}});
        const int vcpus = std::max(1, b_.max_vcpus);
        const unsigned online = b_.avail_vcpus.empty() ? 1 : b_.avail_vcpus.count();
        const auto& hard = b_.vcpu_hard_affinity;
        const bool same = !hard.empty() && hard.size() == static_cast<std::size_t>(vcpus) &&
                          std::all_of(hard.begin(), hard.end(), [&](const Bitmap& map) { return map == hard[0]; });
        root_.add_text("vcpu", std::to_string(vcpus),
                       {{"placement", "static"},
                        {"cpuset", same ? ranges(hard[0]) : ""},
                        {"current", online < static_cast<unsigned>(vcpus) ? std::to_string(online) : ""}});
        if (hard.empty() || same) return;
        const Out tune = root_.add("cputune");
        for (std::size_t i = 0; i < hard.size(); ++i)
            if (!hard[i].empty()) tune.add("vcpupin", {{"vcpu", std::to_string(i)}, {"cpuset", ranges(hard[i])}});
    }

    void boot() {
        if (!b_.bootloader.empty()) root_.add_text("bootloader", b_.bootloader);
        if (!b_.bootloader_args.empty()) {
            std::string words;
            for (const std::string& word : b_.bootloader_args)
                words += (words.empty() ? "" : " ") + word;
            root_.add_text("bootloader_args", words);
        }
        const Out os = root_.add("os");
        const DomainType type = config_.c_info.type;
        os.add_text("type",
                    type == DomainType::hvm   ? "hvm"
                    : type == DomainType::pvh ? "xenpvh"
                                              : "linux",
                    {{"arch", "x86_64"},
                     {"machine", type == DomainType::hvm   ? "xenfv"
                                 : type == DomainType::pvh ? "xenpvh"
                                                           : "xenpv"}});
        if (hvm_ && b_.hvm.bios == BiosType::ovmf && b_.hvm.system_firmware.empty()) os.attribute("firmware", "efi");
        if (hvm_ && !b_.hvm.system_firmware.empty())
            os.add_text("loader", b_.hvm.system_firmware,
                        {{"readonly", "yes"}, {"type", b_.hvm.bios == BiosType::ovmf ? "pflash" : "rom"}});
        if (!b_.kernel.empty()) os.add_text("kernel", b_.kernel);
        if (!b_.ramdisk.empty()) os.add_text("initrd", b_.ramdisk);
        if (!b_.cmdline.empty()) os.add_text("cmdline", b_.cmdline);
        for (const char letter : hvm_ ? b_.hvm.boot : std::string())
            os.add("boot", {{"dev", letter == 'c'   ? "hd"
                                    : letter == 'd' ? "cdrom"
                                    : letter == 'n' ? "network"
                                                    : "fd"}});
    }

    void features() {
        const bool e820 = !b_.pv.e820_host.is_default() && config_.c_info.type == DomainType::pv;
        const Passthrough through = config_.c_info.passthrough;
        const bool hap = !config_.c_info.hap.is_default();
        if (!hvm_ && !hap && !e820 && through == Passthrough::default_) return;
        const Out features = root_.add("features");
        if (hvm_) {
            if (b_.acpi.value_or(true)) features.add("acpi");
            if (b_.apic.value_or(true)) features.add("apic");
            if (b_.hvm.pae.value_or(true)) features.add("pae");
            if (b_.hvm.viridian.value_or(false)) features.add("viridian");
        }
        if (hap) features.add("hap", {{"state", on_off(config_.c_info.hap.value_or(true))}});
        if (!e820 && through == Passthrough::default_) return;
        const Out xen = features.add("xen");
        if (e820) xen.add("e820_host", {{"state", on_off(b_.pv.e820_host.value_or(false))}});
        if (through == Passthrough::disabled)
            xen.add("passthrough", {{"state", "off"}});
        else if (through != Passthrough::default_)
            xen.add("passthrough", {{"state", "on"},
                                    {"mode", through == Passthrough::enabled ? "" : std::string(to_string(through))}});
    }

    void clock() {
        const bool local = b_.localtime.value_or(false);
        const auto offset = static_cast<std::int32_t>(b_.rtc_timeoffset);
        const Out clock = offset ? root_.add("clock", {{"offset", "variable"},
                                                       {"adjustment", std::to_string(offset)},
                                                       {"basis", local ? "localtime" : "utc"}})
                                 : root_.add("clock", {{"offset", local ? "localtime" : "utc"}});
        if (b_.tsc_mode != TscMode::default_)
            clock.add("timer", {{"name", "tsc"},
                                {"mode", b_.tsc_mode == TscMode::native           ? "native"
                                         : b_.tsc_mode == TscMode::always_emulate ? "emulate"
                                                                                  : "paravirt"}});
        if (hvm_ && !b_.hvm.hpet.is_default())
            clock.add("timer", {{"name", "hpet"}, {"present", yes_no(b_.hvm.hpet.value_or(true))}});
    }

    void numa() {
        const bool nested = !b_.nested_hvm.is_default();
        if (b_.vnuma_nodes.empty() && !nested) return;
        const Out cpu = root_.add("cpu", {{"mode", nested ? "host-passthrough" : ""}});
        if (nested)
            cpu.add("feature", {{"policy", b_.nested_hvm.value_or(false) ? "require" : "disable"}, {"name", "svm"}});
        if (b_.vnuma_nodes.empty()) return;
        const Out numa = cpu.add("numa");
        unsigned id = 0;
        for (const VnodeInfo& node : b_.vnuma_nodes) {
            const Out cell = numa.add("cell", {{"id", std::to_string(id++)},
                                               {"cpus", ranges(node.vcpus)},
                                               {"memory", std::to_string(node.memkb)},
                                               {"unit", "KiB"}});
            const Out distances = cell.add("distances");
            for (std::size_t i = 0; i < node.distances.size(); ++i)
                distances.add("sibling", {{"id", std::to_string(i)}, {"value", std::to_string(node.distances[i])}});
        }
    }

    void events() {
        const auto say = [&](const char* name, ActionOnShutdown action, bool crash) {
            std::string text(to_string(action));
            if (action == ActionOnShutdown::restart_rename) text = "rename-restart";
            std::replace(text.begin(), text.end(), '_', '-');
            // The other events know four of the actions only.
            if (action == ActionOnShutdown::soft_reset || (!crash && text.starts_with("coredump"))) {
                left_out_.push_back(std::string(name) + "=" + text);
                return;
            }
            root_.add_text(name, text);
        };
        say("on_poweroff", config_.on_poweroff, false);
        say("on_reboot", config_.on_reboot, false);
        say("on_crash", config_.on_crash, true);
    }

    void devices() {
        const Out devices = root_.add("devices");
        if (hvm_ && !b_.device_model.empty()) devices.add_text("emulator", b_.device_model);
        for (const DeviceDisk& disk : config_.disks)
            add_disk(devices, disk);
        for (const DeviceNic& nic : config_.nics)
            add_nic(devices, nic);
        if (!b_.max_grant_frames.is_default() || b_.event_channels)
            devices.add(
                "controller",
                {{"type", "xenbus"},
                 {"index", "0"},
                 {"maxGrantFrames", b_.max_grant_frames.is_default() ? "" : std::to_string(b_.max_grant_frames.value)},
                 {"maxEventChannels", b_.event_channels ? std::to_string(b_.event_channels) : ""}});
        add_consoles(devices);
        for (const DeviceVfb& vfb : config_.vfbs)
            add_display(devices, vfb.vnc, vfb.sdl, vfb.keymap);
        if (hvm_) add_hvm_devices(devices);
        for (const DevicePci& pci : config_.pcidevs)
            add_pci(devices, pci);
        for (const DeviceUsbDev& usb : config_.usbdevs)
            devices.add("hostdev", {{"mode", "subsystem"}, {"type", "usb"}, {"managed", "no"}})
                .add("source")
                .add("address", {{"bus", std::to_string(usb.hostbus)}, {"device", std::to_string(usb.hostaddr)}});
    }

    void add_disk(Out devices, const DeviceDisk& disk) {
        const bool block = disk.pdev_path.starts_with("/dev/") || disk.backend == DiskBackend::phy;
        const Out out =
            devices.add("disk", {{"type", block ? "block" : "file"}, {"device", disk.is_cdrom ? "cdrom" : "disk"}});
        const char* const driver = disk.backend == DiskBackend::phy     ? "phy"
                                   : disk.backend == DiskBackend::qdisk ? "qemu"
                                   : disk.backend == DiskBackend::tap   ? "tap"
                                                                        : "";
        const bool named = disk.format == DiskFormat::qcow || disk.format == DiskFormat::qcow2 ||
                           disk.format == DiskFormat::raw || disk.format == DiskFormat::qed ||
                           disk.format == DiskFormat::vhd;
        if (*driver || named)
            out.add("driver", {{"name", driver},
                               {"type", !named                           ? ""
                                        : disk.format == DiskFormat::vhd ? "vpc"
                                                                         : std::string(to_string(disk.format))},
                               {"discard", disk.discard_enable.is_default()     ? ""
                                           : disk.discard_enable.value_or(true) ? "unmap"
                                                                                : "ignore"}});
        if (!disk.pdev_path.empty()) out.add("source", {{block ? "dev" : "file", disk.pdev_path}});
        const std::string bus = disk.vdev.starts_with("hd") ? "ide" : disk.vdev.starts_with("sd") ? "scsi" : "xen";
        out.add("target", {{"dev", disk.vdev}, {"bus", bus}});
        if (!disk.readwrite) out.add("readonly");
        if (!disk.backend_domname.empty()) out.add("backenddomain", {{"name", disk.backend_domname}});
        if (!disk.script.empty()) left_out_.push_back("the script of disk " + disk.vdev);
    }

    static void add_nic(Out devices, const DeviceNic& nic) {
        const Out out = devices.add("interface", {{"type", nic.bridge.empty() ? "ethernet" : "bridge"}});
        if (!nic.mac.is_default()) out.add("mac", {{"address", to_string(nic.mac)}});
        if (!nic.bridge.empty()) out.add("source", {{"bridge", nic.bridge}});
        for (std::size_t at = 0; at < nic.ip.size();) {
            const auto end = std::min(nic.ip.find(' ', at), nic.ip.size());
            const std::string address = nic.ip.substr(at, end - at);
            if (!address.empty()) out.add("ip", {{"address", address}});
            at = end + 1;
        }
        if (!nic.script.empty()) out.add("script", {{"path", nic.script}});
        if (!nic.ifname.empty()) out.add("target", {{"dev", nic.ifname}});
        const std::string model = nic.nictype == NicType::vif ? "netfront" : nic.model;
        if (!model.empty()) out.add("model", {{"type", model}});
        if (nic.mtu) out.add("mtu", {{"size", std::to_string(nic.mtu)}});
        if (nic.rate_bytes_per_interval && nic.rate_interval_usecs) {
            const std::uint64_t kilobytes = nic.rate_bytes_per_interval * 1000 / nic.rate_interval_usecs;
            out.add("bandwidth").add("outbound", {{"average", std::to_string(std::max<std::uint64_t>(1, kilobytes))}});
        }
        if (!nic.backend_domname.empty()) out.add("backenddomain", {{"name", nic.backend_domname}});
    }

    void add_consoles(Out devices) {
        const auto& ports = b_.hvm.serial_list;
        for (std::size_t i = 0; hvm_ && i < ports.size(); ++i) {
            if (ports[i] != "pty" && ports[i] != "null") {
                left_out_.push_back("serial " + ports[i]);
                continue;
            }
            devices.add("serial", {{"type", ports[i]}}).add("target", {{"port", std::to_string(i)}});
        }
        if (!hvm_) devices.add("console", {{"type", "pty"}}).add("target", {{"type", "xen"}, {"port", "0"}});
        for (const DeviceChannel& channel : config_.channels) {
            const bool socket = channel.connection == ChannelConnection::socket;
            const Out out = devices.add("channel", {{"type", socket ? "unix" : "pty"}});
            if (socket) out.add("source", {{"mode", "bind"}, {"path", channel.socket_path}});
            out.add("target", {{"type", "xen"}, {"name", channel.name}});
        }
    }

    static void add_display(Out devices, const VncInfo& vnc, const SdlInfo& sdl, const std::string& keymap) {
        if (vnc.enable.value_or(false)) {
            const bool any = vnc.findunused.value_or(true);
            const std::string address = vnc.listen.substr(0, vnc.listen.rfind(':') == std::string::npos ||
                                                                     vnc.listen.find(':') != vnc.listen.rfind(':')
                                                                 ? std::string::npos
                                                                 : vnc.listen.rfind(':'));
            const Out out = devices.add("graphics", {{"type", "vnc"},
                                                     {"port", any ? "-1" : std::to_string(5900 + vnc.display)},
                                                     {"autoport", yes_no(any)},
                                                     {"listen", address},
                                                     {"passwd", vnc.passwd},
                                                     {"keymap", keymap}});
            if (!address.empty()) out.add("listen", {{"type", "address"}, {"address", address}});
        }
        if (sdl.enable.value_or(false))
            devices.add("graphics", {{"type", "sdl"}, {"display", sdl.display}, {"xauth", sdl.xauthority}});
    }

    void add_hvm_devices(Out devices) {
        const HvmInfo& h = b_.hvm;
        for (const std::string& device : h.usbdevice_list) {
            if (device == "tablet" || device == "mouse")
                devices.add("input", {{"type", device}, {"bus", "usb"}});
            else
                left_out_.push_back("usbdevice " + device);
        }
        add_display(devices, h.vnc, h.sdl, h.keymap);
        if (h.spice.enable.value_or(false))
            devices.add("graphics", {{"type", "spice"},
                                     {"port", std::to_string(h.spice.port)},
                                     {"tlsPort", h.spice.tls_port ? std::to_string(h.spice.tls_port) : ""},
                                     {"passwd", h.spice.passwd},
                                     {"listen", h.spice.host}});
        if (h.vga.kind == VgaInterfaceType::unknown) return;
        const std::string kind = h.vga.kind == VgaInterfaceType::std ? "vga" : std::string(to_string(h.vga.kind));
        devices.add("video").add("model",
                                 {{"type", kind},
                                  {"vram", b_.video_memkb.is_default() ? "" : std::to_string(b_.video_memkb.value)},
                                  {"heads", kind == "none" ? "" : "1"}});
    }

    static void add_pci(Out devices, const DevicePci& pci) {
        const auto hex = [](unsigned value, int digits) {
            char text[16];
            std::snprintf(text, sizeof text, "0x%0*x", digits, value);
            return std::string(text);
        };
        devices.add("hostdev", {{"mode", "subsystem"}, {"type", "pci"}, {"managed", yes_no(pci.seize)}})
            .add("source", {{"writeFiltering", pci.permissive ? "no" : ""}})
            .add("address", {{"domain", hex(static_cast<unsigned>(pci.domain), 4)},
                             {"bus", hex(pci.bus, 2)},
                             {"slot", hex(pci.dev, 2)},
                             {"function", hex(pci.func, 1)}});
    }

    /// What this XML has no words for.
    void name_the_rest() {
        const auto left = [&](bool given, const char* what) {
            if (given) left_out_.emplace_back(what);
        };
        left(!config_.p9s.empty(), "p9 shares");
        left(!config_.vtpms.empty(), "vTPMs");
        left(!config_.pvcallsifs.empty(), "pvcalls");
        left(!config_.vdispls.empty() || !config_.vsnds.empty(), "virtual displays and sound cards");
        left(!config_.usbctrls.empty(), "USB controllers");
        left(!config_.dtdevs.empty(), "device tree nodes");
        left(!b_.cpuid.empty(), "cpuid");
        left(!b_.vcpu_soft_affinity.empty(), "soft affinity");
        left(!b_.ioports.empty() || !b_.irqs.empty() || !b_.iomem.empty(),
             "ports, interrupts and memory of the machine");
        left(!b_.sched_params.weight.is_default() || !b_.sched_params.cap.is_default(), "scheduler weight and cap");
        left(!config_.c_info.pool_name.empty(), "the CPU pool");
        left(b_.pvh.pvshim.value_or(false), "the PV shim");
    }

    const DomainConfig& config_;
    const BuildInfo& b_;
    bool hvm_;
    Out root_;
    std::vector<std::string>& left_out_;
};

} // namespace

Result<XmlExport> domain_to_xml(const DomainConfig& config) {
    if (config.c_info.type == DomainType::invalid)
        return error("write domain XML", 0, "the type of the guest is not decided", "set type= to pv, pvh or hvm");
    // Every text of the configuration is in its JSON: one place to look for what XML cannot carry.
    if (!xml::representable(to_json(config)))
        return error("write domain XML", 0, "a text of the configuration is not UTF-8");
    if (to_json(config).find("\\u00") != std::string::npos)
        return error("write domain XML", 0, "a text of the configuration has a control character");
    const std::unique_ptr<xmlDoc, decltype(&xmlFreeDoc)> document(xmlNewDoc(reinterpret_cast<const xmlChar*>("1.0")),
                                                                  &xmlFreeDoc);
    xmlNode* const root = xmlNewNode(nullptr, reinterpret_cast<const xmlChar*>("domain"));
    xmlDocSetRootElement(document.get(), root);
    const Out out(root);
    out.attribute("type", "xen");
    XmlExport result;
    Exporter(config, out, result.left_out).run();
    xmlChar* text = nullptr;
    int size = 0;
    xmlDocDumpFormatMemoryEnc(document.get(), &text, &size, "UTF-8", 1);
    if (!text) return error("write domain XML", ENOMEM);
    result.text.assign(reinterpret_cast<const char*>(text), static_cast<std::size_t>(size));
    xmlFree(text);
    // libvirt's own XML starts with <domain.
    if (const auto end = result.text.find("?>\n"); result.text.starts_with("<?xml") && end != std::string::npos)
        result.text.erase(0, end + 3);
    return result;
}

} // namespace hospes::xl
