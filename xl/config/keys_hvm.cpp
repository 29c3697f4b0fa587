// SPDX-License-Identifier: MIT
// Keys of guests with emulated devices, and of the device model.
#include <type_traits>

#include "xl/config/key_makers.hpp"

namespace hospes::cfg {
namespace {

using B = xl::BuildInfo;
using H = xl::HvmInfo;

/// viridian = 1, 0, or a list of enlightenments with "!" for those to leave out.
Outcome read_viridian(Draft& d, const Value& value) {
    H& hvm = d.config.b_info.hvm;
    if (!value.is_list()) return read_bool(value, hvm.viridian);
    for (const Value& item : value.list()) {
        std::string name;
        if (Outcome bad = read_text(item, name)) return bad;
        const bool off = name.starts_with("!");
        if (off) name.erase(0, 1);
        xl::Bitmap& in = off ? hvm.viridian_disable : hvm.viridian_enable;
        xl::Bitmap& out = off ? hvm.viridian_enable : hvm.viridian_disable;
        const auto put = [&](unsigned bit) {
            in.set(bit);
            out.clear(bit);
        };
        if (name == "defaults") {
            hvm.viridian = !off;
        } else if (name == "all") {
            for (unsigned bit = 0; bit < 64; ++bit) // those to come as well, as libxl has it
                put(bit);
        } else if (const auto which = xl::from_string<xl::ViridianEnlightenment>(name)) {
            put(static_cast<unsigned>(*which));
        } else {
            return wrong(item, "unknown enlightenment '" + name + "'");
        }
    }
    return {};
}

/// firmware = a kind of firmware, or the path of one.
Outcome read_firmware(Draft& d, const Value& value) {
    std::string name;
    if (Outcome bad = read_text(value, name)) return bad;
    d.firmware = &value;
    H& hvm = d.config.b_info.hvm;
    if (name == "uefi" || name == "ovmf")
        hvm.bios = xl::BiosType::ovmf;
    else if (name == "seabios")
        hvm.bios = xl::BiosType::seabios;
    else if (name == "rombios")
        hvm.bios = xl::BiosType::rombios;
    else if (name == "pvgrub32" || name == "pvgrub64")
        return wrong(value, name + " is not supported", "name a kernel=");
    else if (name != "bios")
        hvm.firmware = name;
    return {};
}

Outcome read_vm_genid(Draft& d, const Value& value) {
    std::string what;
    if (Outcome bad = read_text(value, what)) return bad;
    if (what == "generate")
        d.config.b_info.hvm.ms_vm_genid = xl::random_generation_id();
    else if (what != "none")
        return wrong(value, "unknown value '" + what + "'", "one of generate, none");
    return {};
}

Outcome read_mmio_hole(Draft& d, const Value& value) {
    std::uint64_t mib = 0;
    if (Outcome bad = read_number(value, mib)) return bad;
    if (mib < 256 || mib > 3840) return wrong(value, "the hole has 256 to 3840 MiB");
    d.config.b_info.hvm.mmio_hole_memkb = mib * 1024;
    return {};
}

Outcome read_mca_caps(Draft& d, const Value& value) {
    xl::StringList names;
    if (Outcome bad = read_strings(value, names)) return bad;
    for (const std::string& name : names) {
        if (name != "lmce") return wrong(value, "unknown MCA capability '" + name + "'", "lmce");
        d.config.b_info.hvm.mca_caps |= 1; // XEN_HVM_MCA_CAP_LMCE, <xen/hvm/params.h>
    }
    return {};
}

/// vnc=, sdl=, keymap=...: of an HVM guest's emulated display, and of a PV guest's framebuffer.
template <auto Field> Outcome vnc(Draft& d, const Value& v) {
    if (Outcome bad = read_member(v, d.config.b_info.hvm.vnc.*Field)) return bad;
    d.display.vnc.*Field = d.config.b_info.hvm.vnc.*Field;
    return {};
}
template <auto Field> Outcome sdl(Draft& d, const Value& v) {
    if (Outcome bad = read_member(v, d.config.b_info.hvm.sdl.*Field)) return bad;
    d.display.sdl.*Field = d.config.b_info.hvm.sdl.*Field;
    return {};
}

Outcome read_vga(Draft& d, const Value& value) {
    if (!value.is_list() && value.text() == "stdvga") {
        d.config.b_info.hvm.vga.kind = xl::VgaInterfaceType::std;
        return {};
    }
    return read_choice(value, d.config.b_info.hvm.vga.kind);
}

Outcome read_device_model_version(Draft& d, const Value& value) {
    std::string name;
    if (Outcome bad = read_text(value, name)) return bad;
    if (name == "qemu-xen")
        d.config.b_info.device_model_version = xl::DeviceModelVersion::qemu_xen;
    else if (name == "qemu-xen-traditional")
        return wrong(value, "the traditional device model is not supported", "qemu-xen");
    else
        return wrong(value, "unknown device model '" + name + "'", "qemu-xen");
    return {};
}

Outcome read_stdvga(Draft& d, const Value& value) {
    bool on = false;
    if (Outcome bad = read_bool(value, on)) return bad;
    if (on) d.config.b_info.hvm.vga.kind = xl::VgaInterfaceType::std;
    return {};
}

Outcome read_keymap(Draft& d, const Value& value) {
    if (Outcome bad = read_text(value, d.config.b_info.hvm.keymap)) return bad;
    d.display.keymap = d.config.b_info.hvm.keymap;
    return {};
}

/// serial= and usbdevice=: a list, or in the older form one string.
template <auto One, auto Many> Outcome one_or_list(Draft& d, const Value& v) {
    H& hvm = d.config.b_info.hvm;
    return v.is_list() ? read_strings(v, hvm.*Many) : read_text(v, hvm.*One);
}

constexpr auto b = &xl::DomainConfig::b_info;
constexpr Key keys[] = {
    {"boot", text<b, &B::hvm, &H::boot>, Effect::hvm},
    {"bios", choice<b, &B::hvm, &H::bios>, Effect::hvm},
    {"bios_path_override", text<b, &B::hvm, &H::system_firmware>, Effect::hvm},
    {"firmware", read_firmware, Effect::hvm},
    {"firmware_override", text<b, &B::hvm, &H::firmware>, Effect::hvm},
    {"smbios_firmware", text<b, &B::hvm, &H::smbios_firmware>, Effect::hvm},
    {"acpi_firmware", text<b, &B::hvm, &H::acpi_firmware>, Effect::hvm},
    {"pae", flag<b, &B::hvm, &H::pae>, Effect::hvm},
    {"nx", flag<b, &B::hvm, &H::nx>, Effect::hvm},
    {"acpi_s3", flag<b, &B::hvm, &H::acpi_s3>, Effect::hvm},
    {"acpi_s4", flag<b, &B::hvm, &H::acpi_s4>, Effect::hvm},
    {"acpi_laptop_slate", flag<b, &B::hvm, &H::acpi_laptop_slate>, Effect::hvm},
    {"hpet", flag<b, &B::hvm, &H::hpet>, Effect::hvm},
    {"vpt_align", flag<b, &B::hvm, &H::vpt_align>, Effect::hvm},
    {"xen_platform_pci", flag<b, &B::hvm, &H::xen_platform_pci>, Effect::hvm},
    {"nographic", flag<b, &B::hvm, &H::nographic>, Effect::hvm},
    {"usb", flag<b, &B::hvm, &H::usb>, Effect::hvm},
    {"vkb_device", flag<b, &B::hvm, &H::vkb_device>, Effect::hvm},
    {"apic", flag<b, &B::apic>, Effect::hvm},
    {"altp2mhvm", flag<b, &B::hvm, &H::altp2m>, Effect::hvm},
    {"viridian", read_viridian, Effect::hvm},
    {"hdtype", choice<b, &B::hvm, &H::hdtype>, Effect::hvm},
    {"vga", read_vga, Effect::hvm},
    {"stdvga", read_stdvga, Effect::hvm},
    {"videoram", mib<b, &B::video_memkb>, Effect::hvm},
    {"mmio_hole", read_mmio_hole, Effect::hvm},
    {"ms_vm_genid", read_vm_genid, Effect::hvm},
    {"mca_caps", read_mca_caps, Effect::hvm},
    {"vnc", vnc<&xl::VncInfo::enable>, Effect::display},
    {"vnclisten", vnc<&xl::VncInfo::listen>, Effect::display},
    {"vncpasswd", vnc<&xl::VncInfo::passwd>, Effect::display},
    {"vncdisplay", vnc<&xl::VncInfo::display>, Effect::display},
    {"vncunused", vnc<&xl::VncInfo::findunused>, Effect::display},
    {"sdl", sdl<&xl::SdlInfo::enable>, Effect::display},
    {"opengl", sdl<&xl::SdlInfo::opengl>, Effect::display},
    {"keymap", read_keymap, Effect::display},
    {"spice", in<b, &B::hvm, &H::spice, &xl::SpiceInfo::enable>, Effect::hvm},
    {"spicehost", in<b, &B::hvm, &H::spice, &xl::SpiceInfo::host>, Effect::hvm},
    {"spiceport", in<b, &B::hvm, &H::spice, &xl::SpiceInfo::port>, Effect::hvm},
    {"spicetls_port", in<b, &B::hvm, &H::spice, &xl::SpiceInfo::tls_port>, Effect::hvm},
    {"spicedisable_ticketing", in<b, &B::hvm, &H::spice, &xl::SpiceInfo::disable_ticketing>, Effect::hvm},
    {"spicepasswd", in<b, &B::hvm, &H::spice, &xl::SpiceInfo::passwd>, Effect::hvm},
    {"spiceagent_mouse", in<b, &B::hvm, &H::spice, &xl::SpiceInfo::agent_mouse>, Effect::hvm},
    {"spicevdagent", in<b, &B::hvm, &H::spice, &xl::SpiceInfo::vdagent>, Effect::hvm},
    {"spice_clipboard_sharing", in<b, &B::hvm, &H::spice, &xl::SpiceInfo::clipboard_sharing>, Effect::hvm},
    {"spiceusbredirection", in<b, &B::hvm, &H::spice, &xl::SpiceInfo::usbredirection>, Effect::hvm},
    {"spice_image_compression", in<b, &B::hvm, &H::spice, &xl::SpiceInfo::image_compression>, Effect::hvm},
    {"spice_streaming_video", in<b, &B::hvm, &H::spice, &xl::SpiceInfo::streaming_video>, Effect::hvm},
    {"serial", one_or_list<&H::serial, &H::serial_list>, Effect::hvm},
    {"usbdevice", one_or_list<&H::usbdevice, &H::usbdevice_list>, Effect::hvm},
    {"usbversion", in<b, &B::hvm, &H::usbversion>, Effect::hvm},
    {"soundhw", text<b, &B::hvm, &H::soundhw>, Effect::hvm},
    {"vendor_device", choice<b, &B::hvm, &H::vendor_device>, Effect::hvm},
    {"device_model_version", read_device_model_version, Effect::hvm},
    {"device_model_override", text<b, &B::device_model>},
    {"device_model_user", text<b, &B::device_model_user>, Effect::hvm},
    {"device_model_args", strings<b, &B::extra>},
    {"device_model_args_pv", strings<b, &B::extra_pv>},
    {"device_model_args_hvm", strings<b, &B::extra_hvm>, Effect::hvm},
    {"device_model_stubdomain_override", flag<b, &B::device_model_stubdomain>, Effect::hvm},
    {"device_model_stubdomain_seclabel", text<b, &B::device_model_ssid_label>, Effect::hvm},
    {"stubdomain_kernel", text<b, &B::stubdomain_kernel>, Effect::hvm},
    {"stubdomain_ramdisk", text<b, &B::stubdomain_ramdisk>, Effect::hvm},
    {"stubdomain_cmdline", text<b, &B::stubdomain_cmdline>, Effect::hvm},
    {"stubdomain_memory", mib<b, &B::stubdomain_memkb>, Effect::hvm},
    {"dm_restrict", flag<b, &B::dm_restrict>, Effect::hvm},
    {"timeoffset", {}, Effect::none},
    {"device_model", {}, Effect::none},
    {"monitor", {}, Effect::none},
    {"vncviewer", {}, Effect::none},
    {"spicedisable", {}, Effect::none},
    {"usb_redir", {}, Effect::none}};

} // namespace

std::span<const Key> hvm_keys() { return keys; }

} // namespace hospes::cfg
