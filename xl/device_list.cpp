// SPDX-License-Identifier: MIT
#include "xl/device_list.hpp"

#include <cstdio>

namespace hospes::cli {

int list_devices(Context& context, std::span<const std::string> domains, const output::DeviceTable& table) {
    std::optional<output::Json> json;
    if (context.json)
        json.emplace(stdout).open_array();
    else
        std::fputs(table.heading().c_str(), stdout);
    int code = exit_success;
    for (const std::string& name : domains) {
        const auto domain = table.goes_on ? find_domain(context, name, "") : find_domain(context, name);
        if (!domain) {
            if (table.goes_on) continue;
            code = exit_failure;
            break;
        }
        const auto devices = xl::list_devices(context.host, *domain, table.kind);
        if (!devices) continue; // no such domain: no row, as with the stock xl
        unsigned index = 0;
        for (const xl::AttachedDevice& device : *devices) {
            if (device.devid < table.first_id) continue;
            if (json)
                output::device_json(*json, *domain, device);
            else
                std::fputs(table.row(*domain, device, index++).c_str(), stdout);
        }
    }
    if (json) json->close_array();
    return code;
}

} // namespace hospes::cli
