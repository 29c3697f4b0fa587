// SPDX-License-Identifier: MIT
// Keys that give a guest parts of the machine: PCI and USB devices, ports, memory, interrupts.
#include "xl/config/key_makers.hpp"

namespace hospes::cfg {
namespace {

constexpr unsigned all_functions = ~0U;

std::optional<unsigned> hex(std::string_view text, unsigned limit) {
    const auto number = text.empty() ? std::nullopt : xl::to_number<unsigned>("0x" + std::string(text));
    return number && *number <= limit ? number : std::nullopt;
}

/// "[DDDD:]BB:DD.F[@VSLOT]"; F may be * for all functions.
bool parse_address(std::string_view text, xl::DevicePci& pci) {
    const auto at = text.find('@');
    if (at != std::string_view::npos) {
        const auto slot = hex(text.substr(at + 1), 31);
        if (!slot) return false;
        pci.vdevfn = *slot << 3;
        text = text.substr(0, at);
    }
    const auto dot = text.rfind('.'), last_colon = text.rfind(':');
    if (dot == std::string_view::npos || last_colon == std::string_view::npos || dot < last_colon) return false;
    const std::string_view head = text.substr(0, last_colon), function = text.substr(dot + 1);
    const auto first_colon = head.find(':');
    const auto domain =
        first_colon == std::string_view::npos ? std::optional(0U) : hex(head.substr(0, first_colon), 0xffff);
    const auto bus = hex(first_colon == std::string_view::npos ? head : head.substr(first_colon + 1), 0xff);
    const auto device = hex(text.substr(last_colon + 1, dot - last_colon - 1), 31);
    const auto func = function == "*" ? std::optional(0U) : hex(function, 7);
    if (!domain || !bus || !device || !func) return false;
    pci.domain = static_cast<int>(*domain);
    pci.bus = static_cast<std::uint8_t>(*bus);
    pci.dev = static_cast<std::uint8_t>(*device);
    pci.func = static_cast<std::uint8_t>(*func);
    pci.vfunc_mask = function == "*" ? all_functions : 1;
    return true;
}

bool set_pci_pair(xl::DevicePci& pci, std::string_view key, std::string_view text) {
    struct Flag {
        std::string_view key;
        bool xl::DevicePci::*target;
    };
    static constexpr Flag flags[] = {{"msitranslate", &xl::DevicePci::msitranslate},
                                     {"power_mgmt", &xl::DevicePci::power_mgmt},
                                     {"permissive", &xl::DevicePci::permissive},
                                     {"seize", &xl::DevicePci::seize}};
    for (const Flag& flag : flags)
        if (key == flag.key) return set_flag(text, pci.*flag.target);
    if (key == "vslot") {
        const auto slot = hex(text, 31);
        if (slot) pci.vdevfn = *slot << 3;
        return slot.has_value();
    }
    if (key == "rdm_policy") return set_choice(text, pci.rdm_policy);
    return set_text({{"name", &pci.name}}, key, text);
}

Outcome read_pci(Draft& d, const Value& item, std::string_view spec) {
    std::string_view rest = spec;
    xl::DevicePci pci = d.pci_defaults;
    std::string_view address = xl::next_item(rest);
    bool named = true;
    if (address.find('=') == std::string_view::npos)
        named = parse_address(address, pci);
    else // all by keys, the address as bdf=
        rest = spec;
    const auto take = [&](std::string_view key, std::string_view text) {
        if (key != "bdf") return set_pci_pair(pci, key, text);
        address = text;
        return parse_address(text, pci);
    };
    if (!named) return wrong(item, "'" + std::string(address) + "' is not a PCI address", "for example 0000:03:00.0");
    if (Outcome bad = each_pair(item, rest, take)) return bad;
    if (pci.vfunc_mask == 0 && pci.name.empty()) return wrong(item, "no PCI address is named", "bdf=0000:03:00.0");
    d.config.pcidevs.push_back(std::move(pci));
    return {};
}

Outcome read_rdm(Draft& d, const Value& value) {
    std::string text;
    if (Outcome bad = read_text(value, text)) return bad;
    xl::RdmReserve& rdm = d.config.b_info.hvm.rdm;
    return each_pair(value, text, [&](std::string_view key, std::string_view word) {
        return key == "strategy" ? set_choice(word, rdm.strategy) : key == "policy" && set_choice(word, rdm.policy);
    });
}

/// gfx_passthru = 0, 1 or a kind of device.
Outcome read_gfx_passthru(Draft& d, const Value& value) {
    xl::HvmInfo& hvm = d.config.b_info.hvm;
    if (!value.is_list() && cfg_number<unsigned>(value.text())) return read_bool(value, hvm.gfx_passthru);
    if (Outcome bad = read_choice(value, hvm.gfx_passthru_kind)) return bad;
    hvm.gfx_passthru = true;
    return {};
}

Outcome read_usbctrls(Draft& d, const Value& value) {
    return each_spec(value, [&](const Value& item, const std::string& spec) -> Outcome {
        xl::DeviceUsbCtrl control;
        control.devid = static_cast<int>(d.config.usbctrls.size());
        const auto take = [&](std::string_view key, std::string_view text) {
            if (key == "type") return set_choice(text, control.type);
            if (key == "version") return set_number(text, control.version);
            if (key == "ports") return set_number(text, control.ports);
            return set_text({{"backend", &control.backend_domname}}, key, text);
        };
        if (Outcome bad = each_pair(item, spec, take)) return bad;
        if (control.ports < 0 || control.ports > 31) return wrong(item, "a USB controller has 1 to 31 ports");
        if (control.version < 0 || control.version > 3) return wrong(item, "the version of USB is 1, 2 or 3");
        d.config.usbctrls.push_back(control);
        return {};
    });
}

Outcome read_usbdevs(Draft& d, const Value& value) {
    return each_spec(value, [&](const Value& item, const std::string& spec) -> Outcome {
        xl::DeviceUsbDev device;
        const auto take = [&](std::string_view key, std::string_view text) {
            if (key == "type") return set_choice(text, device.type);
            if (key == "hostbus") return set_number(text, device.hostbus);
            if (key == "hostaddr") return set_number(text, device.hostaddr);
            if (key == "port") return set_number(text, device.port);
            return key == "controller" && set_number(text, device.ctrl);
        };
        if (Outcome bad = each_pair(item, spec, take)) return bad;
        d.config.usbdevs.push_back(device);
        return {};
    });
}

Outcome read_iomem(Draft& d, const Value& value) {
    return each_spec(value, [&](const Value& at, const std::string& item) -> Outcome {
        const auto comma = item.find(','), sign = item.find('@');
        const auto number = [](const std::string& t) { return xl::to_number<std::uint64_t>("0x" + t); };
        const auto start = number(item.substr(0, comma));
        const auto count = comma == std::string::npos || sign < comma
                               ? std::nullopt
                               : number(item.substr(comma + 1, sign - comma - 1));
        const auto gfn = sign == std::string::npos ? std::nullopt : number(item.substr(sign + 1));
        if (!start || !count || (sign != std::string::npos && !gfn))
            return wrong(at, "'" + item + "' is not START,COUNT[@GFN] in hexadecimal frames");
        xl::IomemRange range;
        range.start = *start;
        range.number = *count;
        if (gfn) range.gfn = *gfn;
        d.config.b_info.iomem.push_back(range);
        return {};
    });
}

Outcome read_ioports(Draft& d, const Value& value) {
    return each_spec(value, [&](const Value& at, const std::string& item) -> Outcome {
        const auto dash = item.find('-'); // "2f8-2ff" or "3f8", hexadecimal
        const auto first = hex(std::string_view(item).substr(0, dash), 0xffff);
        const auto last = dash == std::string::npos ? first : hex(std::string_view(item).substr(dash + 1), 0xffff);
        if (!first || !last || *first > *last) return wrong(at, "'" + item + "' is not a hexadecimal port range");
        d.config.b_info.ioports.push_back({*first, *last - *first + 1});
        return {};
    });
}

Outcome read_irqs(Draft& d, const Value& value) {
    if (!value.is_list()) return wrong(value, "a list of interrupt numbers is wanted", "for example [ 5 ]");
    for (const Value& item : value.list())
        if (Outcome bad = read_number(item, d.config.b_info.irqs.emplace_back())) return bad;
    return {};
}

Outcome read_dtdevs(Draft& d, const Value& value) {
    return each_spec(value, [&](const Value& item, const std::string& path) -> Outcome {
        if (!path.starts_with("/")) return wrong(item, "'" + path + "' is not a path in the device tree");
        d.config.dtdevs.push_back({path});
        return {};
    });
}

template <auto Field> Outcome pci_default(Draft& d, const Value& v) { return read_bool(v, d.pci_defaults.*Field); }

constexpr Key keys[] = {{"pci",
                         [](Draft& d, const Value& v) -> Outcome {
                             d.pci = &v; // after the pci_ keys, wherever they stand
                             return {};
                         },
                         Effect::none},
                        {"pci_msitranslate", pci_default<&xl::DevicePci::msitranslate>, Effect::none},
                        {"pci_power_mgmt", pci_default<&xl::DevicePci::power_mgmt>, Effect::none},
                        {"pci_permissive", pci_default<&xl::DevicePci::permissive>, Effect::none},
                        {"pci_seize", pci_default<&xl::DevicePci::seize>, Effect::none},
                        {"rdm", read_rdm, Effect::hvm},
                        {"rdm_mem_boundary",
                         [](Draft& d, const Value& v) -> Outcome {
                             std::uint64_t mib = 0;
                             if (Outcome bad = read_number(v, mib)) return bad;
                             if (mib > (1U << 20)) return wrong(v, "impossibly large");
                             d.config.b_info.hvm.rdm_mem_boundary_memkb = mib * 1024;
                             return {};
                         },
                         Effect::hvm},
                        {"gfx_passthru", read_gfx_passthru, Effect::hvm},
                        {"usbctrl", read_usbctrls, Effect::none},
                        {"usbdev", read_usbdevs, Effect::none},
                        {"ioports", read_ioports, Effect::none},
                        {"irqs", read_irqs, Effect::none},
                        {"iomem", read_iomem, Effect::none},
                        {"dtdev", read_dtdevs, Effect::arm}};

} // namespace

Outcome settle_pci(Draft& d) {
    if (!d.pci) return {};
    const bool hvm = d.config.c_info.type == xl::DomainType::hvm;
    d.pci_defaults.rdm_policy = hvm ? d.config.b_info.hvm.rdm.policy : xl::RdmReservePolicy::strict;
    if (Outcome bad =
            each_spec(*d.pci, [&](const Value& item, const std::string& spec) { return read_pci(d, item, spec); }))
        return bad;
    // A PV guest needs to see the machine's holes to place the device's memory.
    if (!d.config.pcidevs.empty() && d.config.c_info.type == xl::DomainType::pv)
        d.config.b_info.pv.e820_host.set_if_default(true);
    return {};
}

std::span<const Key> passthrough_keys() { return keys; }

} // namespace hospes::cfg
