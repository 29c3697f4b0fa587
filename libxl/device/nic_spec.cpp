// SPDX-License-Identifier: MIT
#include "libxl/device/disk_spec.hpp"
#include "libxl/device/spec_text.hpp"

namespace hospes::xl {
namespace {

/// "RATE[@INTERVAL]": RATE in [KMG]?[Bb]/s, INTERVAL in us, ms or s (xl-network-configuration(5)).
bool parse_rate(std::string_view text, DeviceNic& nic) {
    const auto at = text.find('@');
    std::string_view rate = trim(text.substr(0, at));
    const std::string_view interval = at == std::string_view::npos ? "50ms" : trim(text.substr(at + 1));
    if (!rate.ends_with("/s")) return false;
    rate.remove_suffix(2);
    if (rate.size() < 2 || (rate.back() != 'b' && rate.back() != 'B')) return false;
    const bool bits = rate.back() == 'b';
    rate.remove_suffix(1);
    std::uint64_t factor = 1;
    switch (rate.back()) {
    case 'G':
        factor = 1000000000;
        rate.remove_suffix(1);
        break;
    case 'M':
        factor = 1000000;
        rate.remove_suffix(1);
        break;
    case 'K':
        factor = 1000;
        rate.remove_suffix(1);
        break;
    default: break;
    }
    const auto value = to_number<std::uint64_t>(rate);
    const std::string_view unit = interval.ends_with("us") ? "us" : interval.ends_with("ms") ? "ms" : "s";
    if (!value || *value == 0 || *value > (1ULL << 40) || !interval.ends_with(unit)) return false;
    const auto length = to_number<std::uint64_t>(interval.substr(0, interval.size() - unit.size()));
    const std::uint64_t micros = unit == "us" ? 1 : unit == "ms" ? 1000 : 1000000;
    if (!length || *length == 0 || *length * micros > 0xffffffffULL) return false;
    const std::uint64_t bytes_per_second = bits ? *value * factor / 8 : *value * factor;
    nic.rate_interval_usecs = static_cast<std::uint32_t>(*length * micros);
    nic.rate_bytes_per_interval = bytes_per_second / 1000000 * nic.rate_interval_usecs +
                                  bytes_per_second % 1000000 * nic.rate_interval_usecs / 1000000;
    return nic.rate_bytes_per_interval != 0;
}

} // namespace

Result<DeviceNic> parse_nic(std::string_view spec, const NicDefaults& defaults) {
    const auto fail = [&](std::string why, std::string hint = {}) {
        return error("vif '" + std::string(spec) + "'", 0, std::move(why), std::move(hint));
    };
    DeviceNic nic;
    nic.script = defaults.script;
    nic.bridge = defaults.bridge;
    nic.gatewaydev = defaults.gatewaydev;
    for (std::string_view rest = spec; !rest.empty();) {
        const std::string_view item = next_item(rest);
        if (item.empty()) continue;
        if (item == "trusted" || item == "untrusted") {
            nic.trusted = item == "trusted";
            continue;
        }
        const auto equals = item.find('=');
        if (equals == std::string_view::npos)
            return fail("'" + std::string(item) + "' is not KEY=VALUE", "for example bridge=xenbr0");
        const std::string_view key = trim(item.substr(0, equals)), value = trim(item.substr(equals + 1));
        if (key == "mac") {
            if (!parse(value, nic.mac))
                return fail("'" + std::string(value) + "' is not a MAC address", "six hex pairs: 00:16:3e:01:02:03");
        } else if (key == "bridge") {
            nic.bridge = value;
        } else if (key == "script") {
            nic.script = value;
        } else if (key == "ip") {
            nic.ip = value;
        } else if (key == "vifname") {
            nic.ifname = value;
        } else if (key == "model") {
            nic.model = value;
        } else if (key == "gatewaydev" || key == "netdev") {
            nic.gatewaydev = value;
        } else if (key == "backend") {
            nic.backend_domname = value;
        } else if (key == "trusted") {
            nic.trusted = value == "1" || value == "true";
        } else if (key == "type") {
            if (value != "ioemu" && value != "vif")
                return fail("unknown type '" + std::string(value) + "'", "vif or ioemu");
            nic.nictype = value == "vif" ? NicType::vif : NicType::vif_ioemu;
        } else if (key == "mtu") {
            const auto mtu = to_number<int>(value);
            if (!mtu || *mtu < 68 || *mtu > 65535) return fail("'" + std::string(value) + "' is not an MTU");
            nic.mtu = *mtu;
        } else if (key == "devid") {
            const auto devid = to_number<int>(value);
            if (!devid || *devid < 0) return fail("'" + std::string(value) + "' is not a device id");
            nic.devid = *devid;
        } else if (key == "rate") {
            if (!parse_rate(value, nic))
                return fail("'" + std::string(value) + "' is not a rate", "for example 10Mb/s or 1MB/s@20ms");
        } else if (key != "accel" && !key.starts_with("colo")) {
            return fail("unknown key '" + std::string(key) + "'");
        }
    }
    return nic;
}

} // namespace hospes::xl
