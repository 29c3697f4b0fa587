// SPDX-License-Identifier: MIT
// The tables of xl block-list, network-list and channel-list.
#pragma once

#include "libxl/device/attach.hpp"
#include "xl/output/json.hpp"

namespace hospes::output {

/// One kind of device as a table. A row gets the guest (what the stock tool shows as a disk's handle) and the
/// device's place among those of the guest (its number of a channel).
struct DeviceTable {
    std::string_view kind; ///< as in the store
    unsigned first_id;     ///< lower ids are no devices of the user's: console 0 is the guest's own
    bool goes_on;          ///< after a name that no domain has, as if there were none: the stock block-list
    std::string (*heading)();
    std::string (*row)(xc::DomId domain, const xl::AttachedDevice& device, unsigned index);
};
extern const DeviceTable block_table, network_table, channel_table;

/// One object; what a device has not is left out.
void device_json(Json& json, xc::DomId domain, const xl::AttachedDevice& device);

} // namespace hospes::output
