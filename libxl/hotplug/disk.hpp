// SPDX-License-Identifier: MIT
// Loop devices: how a file becomes a block device.
#pragma once

#include "libxl/hotplug/hotplug.hpp"

namespace hospes::xl {

/// Binds a raw file to a free loop device (linux/loop.h, LOOP_CONFIGURE).
Result<DiskSource> attach_loop(const std::string& file, bool writable);
void detach_loop(const std::string& device);

} // namespace hospes::xl
