// SPDX-License-Identifier: MIT
#include "xl/output/device_table.hpp"

#include "xl/output/text.hpp"

namespace hospes::output {
namespace {

std::string block_heading() {
    std::string out;
    append(out, "%-5s %-3s %-6s %-5s %-6s %-8s %-30s\n", "Vdev", "BE", "handle", "state", "evt-ch", "ring-ref",
           "BE-path");
    return out;
}

std::string block_row(xc::DomId domain, const xl::AttachedDevice& d, unsigned) {
    std::string out;
    append(out, "%-5u %-3d %-6d %-5d %-6d %-8d %-30s\n", d.devid, d.backend_domain, domain, d.state, d.event_channel,
           d.ring_ref, d.backend_path.c_str());
    return out;
}

std::string network_heading() {
    std::string out;
    append(out, "%-3s %-2s %-17s %-6s %-5s %-6s %5s/%-5s %-30s\n", "Idx", "BE", "Mac Addr.", "handle", "state",
           "evt-ch", "tx-", "rx-ring-ref", "BE-path");
    return out;
}

std::string network_row(xc::DomId, const xl::AttachedDevice& d, unsigned) {
    std::string out;
    append(out, "%-3u %-2d %s%6u %5d %6d %5d/%-11d %-30s\n", d.devid, d.backend_domain, d.mac.c_str(), d.devid, d.state,
           d.event_channel, d.tx_ring_ref, d.rx_ring_ref, d.backend_path.c_str());
    return out;
}

std::string channel_heading() {
    std::string out;
    append(out, "%-3s %-2s %-5s %-6s %8s %-10s %-30s\n", "Idx", "BE", "state", "evt-ch", "ring-ref", "connection", "");
    return out;
}

std::string channel_row(xc::DomId, const xl::AttachedDevice& d, unsigned index) {
    std::string out;
    append(out, "%-3u %-2d %-5d %-6d %8d %-10s ", index, d.backend_domain, d.state, d.event_channel, d.ring_ref,
           d.connection.c_str());
    if (d.connection == "socket")
        append(out, "%-30s", ("path=" + d.path).c_str());
    else if (d.connection == "pty")
        append(out, "%-30s", ("path=" + d.tty).c_str());
    return out + "\n";
}

} // namespace

const DeviceTable block_table = {"vbd", 0, true, block_heading, block_row};
const DeviceTable network_table = {"vif", 0, false, network_heading, network_row};
const DeviceTable channel_table = {"console", 1, false, channel_heading, channel_row};

void device_json(Json& json, xc::DomId domain, const xl::AttachedDevice& d) {
    const auto text = [&json](const char* name, const std::string& value) {
        if (!value.empty()) json.field(name, value);
    };
    const auto number = [&json](const char* name, int value) {
        if (value >= 0) json.field(name, value);
    };
    json.open_map();
    json.field("domid", domain);
    json.field("kind", d.kind);
    json.field("devid", d.devid);
    json.field("backend_domid", d.backend_domain);
    number("state", d.state);
    number("event_channel", d.event_channel);
    number("ring_ref", d.ring_ref);
    number("tx_ring_ref", d.tx_ring_ref);
    number("rx_ring_ref", d.rx_ring_ref);
    for (const auto& [name, value] : {std::pair{"frontend_path", &d.frontend_path},
                                      {"backend_path", &d.backend_path},
                                      {"mac", &d.mac},
                                      {"bridge", &d.bridge},
                                      {"ip", &d.ip},
                                      {"params", &d.params},
                                      {"type", &d.type},
                                      {"mode", &d.mode},
                                      {"device_type", &d.device_type},
                                      {"vdev", &d.vdev},
                                      {"name", &d.name},
                                      {"connection", &d.connection},
                                      {"path", &d.path},
                                      {"tty", &d.tty},
                                      {"tag", &d.tag},
                                      {"security_model", &d.security_model}})
        text(name, *value);
    json.close_map();
}

} // namespace hospes::output
