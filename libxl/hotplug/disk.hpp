// SPDX-License-Identifier: MIT
// Loop devices and network block devices, the two ways in which a file becomes a block device.
#pragma once

#include "libxl/hotplug/hotplug.hpp"

namespace hospes::xl {

/// Binds a raw file to a free loop device (linux/loop.h, LOOP_CONFIGURE).
Result<DiskSource> attach_loop(const std::string& file, bool writable);
void detach_loop(const std::string& device);

/// Serves an image of another format as /dev/nbdN through qemu-nbd(8).
Result<DiskSource> attach_nbd(const std::string& file, std::string_view format, bool writable,
                              Clock::time_point deadline, const Cancel* cancel,
                              const std::function<Status(const std::string& node)>& claim);
/// Disconnects it if it serves `file`.
void detach_nbd(const std::string& device, const std::string& file);

} // namespace hospes::xl
