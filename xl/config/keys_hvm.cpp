// SPDX-License-Identifier: MIT
// Keys of guests with emulated devices, and of the device model.
#include "xl/config/key_makers.hpp"

namespace hospes::cfg {
namespace {

using B = xl::BuildInfo;
using H = xl::HvmInfo;

template <typename Field> auto hvm_text(Field field) {
    return [=](Draft& d, const Value& v) { return read_text(v, d.config.b_info.hvm.*field); };
}
template <typename Field> auto hvm_flag(Field field) {
    return [=](Draft& d, const Value& v) { return read_bool(v, d.config.b_info.hvm.*field); };
}
template <typename Field> auto hvm_strings(Field field) {
    return [=](Draft& d, const Value& v) { return read_strings(v, d.config.b_info.hvm.*field); };
}
template <typename E, typename Field> auto hvm_choice(Field field) {
    return [=](Draft& d, const Value& v) { return read_choice<E>(v, d.config.b_info.hvm.*field); };
}
/// A member of one of HVM's own parts: vnc, sdl, spice.
template <typename Part, typename Field> auto display_text(Part part, Field field) {
    return [=](Draft& d, const Value& v) { return read_text(v, d.config.b_info.hvm.*part.*field); };
}
template <typename Part, typename Field> auto display_flag(Part part, Field field) {
    return [=](Draft& d, const Value& v) { return read_bool(v, d.config.b_info.hvm.*part.*field); };
}
template <typename Part, typename Field> auto display_number(Part part, Field field) {
    return [=](Draft& d, const Value& v) { return read_number(v, d.config.b_info.hvm.*part.*field); };
}

/// viridian = 1, 0, or a list of enlightenments with "!" for those to leave out.
Outcome read_viridian(Draft& d, const Value& value) {
    H& hvm = d.config.b_info.hvm;
    if (!value.is_list()) return read_bool(value, hvm.viridian);
    for (const Value& item : value.list()) {
        std::string name;
        if (Outcome bad = read_text(item, name)) return bad;
        const bool off = name.starts_with("!");
        if (off) name.erase(0, 1);
        if (name == "defaults" || name == "all") {
            hvm.viridian = !off;
            continue;
        }
        const auto which = xl::from_string<xl::ViridianEnlightenment>(name);
        if (!which) return wrong(item, "unknown enlightenment '" + name + "'");
        (off ? hvm.viridian_disable : hvm.viridian_enable).set(static_cast<unsigned>(*which));
    }
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
    if (name != "qemu-xen") return wrong(value, "device model '" + name + "' is not supported", "qemu-xen");
    d.config.b_info.device_model_version = xl::DeviceModelVersion::qemu_xen;
    return {};
}

constexpr auto b = &xl::DomainConfig::b_info;
const Key hvm_keys[] = {
    {"boot", hvm_text(&H::boot)},
    {"bios", hvm_choice<xl::BiosType>(&H::bios)},
    {"bios_path_override", hvm_text(&H::system_firmware)},
    {"firmware_override", hvm_text(&H::firmware)},
    {"smbios_firmware", hvm_text(&H::smbios_firmware)},
    {"acpi_firmware", hvm_text(&H::acpi_firmware)},
    {"pae", hvm_flag(&H::pae)},
    {"nx", hvm_flag(&H::nx)},
    {"acpi_s3", hvm_flag(&H::acpi_s3)},
    {"acpi_s4", hvm_flag(&H::acpi_s4)},
    {"acpi_laptop_slate", hvm_flag(&H::acpi_laptop_slate)},
    {"hpet", hvm_flag(&H::hpet)},
    {"vpt_align", hvm_flag(&H::vpt_align)},
    {"altp2mhvm", hvm_flag(&H::altp2m)},
    {"viridian", read_viridian},
    {"hdtype", hvm_choice<xl::HdType>(&H::hdtype)},
    {"nographic", hvm_flag(&H::nographic)},
    {"vga", read_vga},
    {"stdvga",
     [](Draft& d, const Value& v) -> Outcome {
         bool on = false;
         if (Outcome bad = read_bool(v, on)) return bad;
         if (on) d.config.b_info.hvm.vga.kind = xl::VgaInterfaceType::std;
         return {};
     }},
    {"videoram", mib(b, &B::video_memkb)},
    {"vnc", display_flag(&H::vnc, &xl::VncInfo::enable)},
    {"vnclisten", display_text(&H::vnc, &xl::VncInfo::listen)},
    {"vncpasswd", display_text(&H::vnc, &xl::VncInfo::passwd)},
    {"vncdisplay", display_number(&H::vnc, &xl::VncInfo::display)},
    {"vncunused", display_flag(&H::vnc, &xl::VncInfo::findunused)},
    {"sdl", display_flag(&H::sdl, &xl::SdlInfo::enable)},
    {"opengl", display_flag(&H::sdl, &xl::SdlInfo::opengl)},
    {"spice", display_flag(&H::spice, &xl::SpiceInfo::enable)},
    {"spicehost", display_text(&H::spice, &xl::SpiceInfo::host)},
    {"spiceport", display_number(&H::spice, &xl::SpiceInfo::port)},
    {"spicetls_port", display_number(&H::spice, &xl::SpiceInfo::tls_port)},
    {"spicedisable_ticketing", display_flag(&H::spice, &xl::SpiceInfo::disable_ticketing)},
    {"spicepasswd", display_text(&H::spice, &xl::SpiceInfo::passwd)},
    {"spiceagent_mouse", display_flag(&H::spice, &xl::SpiceInfo::agent_mouse)},
    {"spicevdagent", display_flag(&H::spice, &xl::SpiceInfo::vdagent)},
    {"spice_clipboard_sharing", display_flag(&H::spice, &xl::SpiceInfo::clipboard_sharing)},
    {"spiceusbredirection", display_number(&H::spice, &xl::SpiceInfo::usbredirection)},
    {"spice_image_compression", display_text(&H::spice, &xl::SpiceInfo::image_compression)},
    {"spice_streaming_video", display_text(&H::spice, &xl::SpiceInfo::streaming_video)},
    {"keymap", hvm_text(&H::keymap)},
    {"serial", hvm_strings(&H::serial_list)},
    {"usb", hvm_flag(&H::usb)},
    {"usbversion", [](Draft& d, const Value& v) { return read_number(v, d.config.b_info.hvm.usbversion); }},
    {"usbdevice", hvm_strings(&H::usbdevice_list)},
    {"vkb_device", hvm_flag(&H::vkb_device)},
    {"soundhw", hvm_text(&H::soundhw)},
    {"xen_platform_pci", hvm_flag(&H::xen_platform_pci)},
    {"vendor_device", hvm_choice<xl::VendorDevice>(&H::vendor_device)},
    {"device_model_version", read_device_model_version},
    {"device_model_override", text(b, &B::device_model)},
    {"device_model_user", text(b, &B::device_model_user)},
    {"device_model_args", strings(b, &B::extra)},
    {"device_model_args_pv", strings(b, &B::extra_pv)},
    {"device_model_args_hvm", strings(b, &B::extra_hvm)},
    {"device_model_stubdomain_override", flag(b, &B::device_model_stubdomain)},
    {"device_model_stubdomain_seclabel", text(b, &B::device_model_ssid_label)},
    {"stubdomain_kernel", text(b, &B::stubdomain_kernel)},
    {"stubdomain_ramdisk", text(b, &B::stubdomain_ramdisk)},
    {"stubdomain_cmdline", text(b, &B::stubdomain_cmdline)},
    {"stubdomain_memory", mib(b, &B::stubdomain_memkb)},
    {"dm_restrict", flag(b, &B::dm_restrict)},
    // Known, and of no effect so far.
    {"timeoffset", {}},
    {"mmio_hole", {}},
    {"gfx_passthru", {}},
    {"rdm", {}},
    {"rdm_mem_boundary", {}},
    {"ms_vm_genid", {}},
    {"mca_caps", {}},
    {"pci_msitranslate", {}},
    {"pci_power_mgmt", {}},
    {"pci_permissive", {}},
    {"pci_seize", {}},
    {"device_model", {}},
    {"monitor", {}},
    {"vncviewer", {}},
    {"spicedisable", {}},
    {"usb_redir", {}}};

} // namespace

void add_hvm_keys(std::vector<Key>& keys) { keys.insert(keys.end(), std::begin(hvm_keys), std::end(hvm_keys)); }

} // namespace hospes::cfg
