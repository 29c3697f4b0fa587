// SPDX-License-Identifier: MIT
// Device lists: each element is a specification string.
#include <algorithm>
#include <iterator>

#include "xl/config/key_makers.hpp"

namespace hospes::cfg {
namespace {

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
    return key == "type" || set_text({{"vnclisten", &vfb.vnc.listen},
                                      {"vncpasswd", &vfb.vnc.passwd},
                                      {"display", &vfb.sdl.display},
                                      {"xauthority", &vfb.sdl.xauthority},
                                      {"keymap", &vfb.keymap},
                                      {"backend", &vfb.backend_domname}},
                                     key, text);
}

/// A framebuffer without keyboard and pointer is of no use.
void add_vfb(xl::DomainConfig& config, xl::DeviceVfb vfb) {
    vfb.devid = static_cast<int>(config.vfbs.size());
    config.vfbs.push_back(std::move(vfb));
    config.vkbs.emplace_back();
}

Outcome read_vfbs(Draft& d, const Value& value) {
    return each_spec(value, [&](const Value& item, const std::string& spec) -> Outcome {
        xl::DeviceVfb vfb;
        if (Outcome bad = each_pair(item, spec, [&](auto key, auto text) { return set_vfb_pair(vfb, key, text); }))
            return bad;
        add_vfb(d.config, std::move(vfb));
        return {};
    });
}

bool set_vkb_pair(xl::DeviceVkb& vkb, std::string_view key, std::string_view text) {
    if (key == "backend-type") return set_choice(text, vkb.backend_type);
    struct Flag {
        std::string_view key;
        bool xl::DeviceVkb::*target;
    };
    static constexpr Flag flags[] = {{"feature-disable-keyboard", &xl::DeviceVkb::feature_disable_keyboard},
                                     {"feature-disable-pointer", &xl::DeviceVkb::feature_disable_pointer},
                                     {"feature-abs-pointer", &xl::DeviceVkb::feature_abs_pointer},
                                     {"feature-raw-pointer", &xl::DeviceVkb::feature_raw_pointer},
                                     {"feature-multi-touch", &xl::DeviceVkb::feature_multi_touch}};
    for (const Flag& flag : flags)
        if (key == flag.key) return set_flag(text, vkb.*flag.target);
    struct Size {
        std::string_view key;
        std::uint32_t xl::DeviceVkb::*target;
    };
    static constexpr Size sizes[] = {{"width", &xl::DeviceVkb::width},
                                     {"height", &xl::DeviceVkb::height},
                                     {"multi-touch-width", &xl::DeviceVkb::multi_touch_width},
                                     {"multi-touch-height", &xl::DeviceVkb::multi_touch_height},
                                     {"multi-touch-num-contacts", &xl::DeviceVkb::multi_touch_num_contacts}};
    for (const Size& size : sizes)
        if (key == size.key) return set_number(text, vkb.*size.target);
    return set_text({{"unique-id", &vkb.unique_id}, {"backend", &vkb.backend_domname}}, key, text);
}

Outcome read_vkbs(Draft& d, const Value& value) {
    return each_spec(value, [&](const Value& item, const std::string& spec) -> Outcome {
        xl::DeviceVkb vkb;
        if (Outcome bad = each_pair(item, spec, [&](auto key, auto text) { return set_vkb_pair(vkb, key, text); }))
            return bad;
        if (vkb.backend_type == xl::VkbBackend::unknown)
            return wrong(item, "the keyboard has no backend type", "add backend-type=qemu or backend-type=linux");
        d.vkbs.push_back(std::move(vkb));
        return {};
    });
}

Outcome read_channels(Draft& d, const Value& value) {
    return each_spec(value, [&](const Value& item, const std::string& spec) -> Outcome {
        xl::DeviceChannel channel;
        const auto take = [&](std::string_view key, std::string_view text) {
            return key == "connection" ? set_choice(text, channel.connection)
                                       : set_text({{"name", &channel.name},
                                                   {"path", &channel.socket_path},
                                                   {"backend", &channel.backend_domname}},
                                                  key, text);
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
            return set_text({{"tag", &p9.tag},
                             {"path", &p9.path},
                             {"security_model", &p9.security_model},
                             {"backend", &p9.backend_domname}},
                            key, text);
        };
        if (Outcome bad = each_pair(item, spec, take)) return bad;
        if (p9.tag.empty() || p9.path.empty() || p9.security_model.empty())
            return wrong(item, "a p9 share needs tag=, path= and security_model=");
        d.config.p9s.push_back(p9);
        return {};
    });
}

Outcome read_vtpms(Draft& d, const Value& value) {
    return each_spec(value, [&](const Value& item, const std::string& spec) -> Outcome {
        xl::DeviceVtpm vtpm;
        vtpm.devid = static_cast<int>(d.config.vtpms.size());
        const auto take = [&](std::string_view key, std::string_view text) {
            return key == "uuid" ? parse(text, vtpm.uuid) : set_text({{"backend", &vtpm.backend_domname}}, key, text);
        };
        if (Outcome bad = each_pair(item, spec, take)) return bad;
        if (vtpm.backend_domname.empty()) return wrong(item, "the vTPM has no backend", "add backend=DOMAIN");
        d.config.vtpms.push_back(vtpm);
        return {};
    });
}

Outcome read_pvcalls(Draft& d, const Value& value) {
    return each_spec(value, [&](const Value& item, const std::string& spec) -> Outcome {
        xl::DevicePvCallsIf calls;
        calls.devid = static_cast<int>(d.config.pvcallsifs.size());
        const auto take = [&](std::string_view key, std::string_view text) {
            return set_text({{"backend", &calls.backend_domname}}, key, text);
        };
        if (Outcome bad = each_pair(item, spec, take)) return bad;
        d.config.pvcallsifs.push_back(std::move(calls));
        return {};
    });
}

constexpr Key keys[] = {{"disk", read_disks},
                        {"vif", read_nics},
                        {"vfb", read_vfbs},
                        {"vkb", read_vkbs},
                        {"channel", read_channels},
                        {"p9", read_p9s},
                        {"pvcalls", read_pvcalls, Effect::none},
                        {"vtpm", read_vtpms, Effect::none},
                        {"vif2", {}, Effect::none}};

} // namespace

Outcome settle_devices(Draft& d) {
    xl::DomainConfig& config = d.config;
    // The display keys of HVM make a framebuffer for a PV guest, and for one that will be PV or PVH.
    const bool display = d.display.vnc.enable.value_or(false) || d.display.sdl.enable.value_or(false);
    const bool open = config.c_info.type == xl::DomainType::invalid && !config.b_info.kernel.empty();
    if ((config.c_info.type == xl::DomainType::pv || open) && display) add_vfb(config, d.display);
    std::move(d.vkbs.begin(), d.vkbs.end(), std::back_inserter(config.vkbs));
    for (std::size_t i = 0; i < config.vkbs.size(); ++i)
        config.vkbs[i].devid = static_cast<int>(i);
    for (std::size_t i = 0; i < config.nics.size(); ++i)
        if (config.nics[i].devid.is_default()) config.nics[i].devid = static_cast<int>(i);
    for (std::size_t i = 0; i < config.nics.size(); ++i)
        for (std::size_t j = 0; j < i; ++j)
            if (config.nics[i].devid == config.nics[j].devid)
                return Problem{
                    "two vifs have the number " + std::to_string(config.nics[i].devid), "devid= is the number", {}};
    return {};
}

std::span<const Key> device_keys() { return keys; }

} // namespace hospes::cfg
