// SPDX-License-Identifier: MIT
// What xl block-list, network-list and channel-list have in common: all but the table.
#pragma once

#include "xl/command.hpp"
#include "xl/output/device_table.hpp"

namespace hospes::cli {

/// The devices of each domain in `domains`, as a table or as JSON; the exit code.
int list_devices(Context& context, std::span<const std::string> domains, const output::DeviceTable& table);

} // namespace hospes::cli
