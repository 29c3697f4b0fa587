// SPDX-License-Identifier: MIT
// Taking devices away from a domain: asking, waiting, and in the end insisting.
#pragma once

#include "libxl/core/wait.hpp"
#include "libxl/device/device.hpp"

namespace hospes::xl {

/// Takes away every device of a domain that has no use for them any more: the backends are told to close, awaited
/// together up to the deadline and then removed; what the host set up for them is undone.
Status unplug_all(Host& host, xc::DomId guest, Clock::time_point deadline);

/// Takes one away. Without `insist` the guest must let go within the deadline, else ETIMEDOUT and it stays.
Status unplug(Host& host, const Device& device, Clock::time_point deadline, bool insist,
              const Cancel* cancel = nullptr);

/// The devices that libxl's records of a domain name; only kind, domains and id are filled in.
Result<std::vector<Device>> recorded_devices(Host& host, xc::DomId guest);

} // namespace hospes::xl
