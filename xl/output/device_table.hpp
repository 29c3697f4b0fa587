// SPDX-License-Identifier: MIT
// The tables of xl block-list, network-list and channel-list.
#pragma once

#include "libxl/device/attach.hpp"
#include "xl/output/json.hpp"

namespace hospes::output {

std::string block_heading();
/// `domain` is the guest: what the stock tool shows as the handle.
std::string block_row(xc::DomId domain, const xl::AttachedDevice& disk);
std::string network_heading();
std::string network_row(const xl::AttachedDevice& nic);
std::string channel_heading();
/// `index` counts the channels of the domain from 0, as the stock tool does.
std::string channel_row(const xl::AttachedDevice& channel, unsigned index);

/// One object; what a device has not is left out.
void device_json(Json& json, xc::DomId domain, const xl::AttachedDevice& device);

} // namespace hospes::output
