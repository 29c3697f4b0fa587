// SPDX-License-Identifier: MIT
// Core files of domains in Xen's format (docs/misc/dump-core-format.txt of Xen, version 0.1; notes of
// xen/elfnote.h): an ELF file without program headers whose sections hold the vCPUs' registers, the shared info
// page, every page of memory and the list of their frame numbers. What `crash` and gdbsx-like tools read.
#pragma once

#include <functional>

#include "xc/control.hpp"

namespace hospes::xc {

struct CoreDump {
    std::uint64_t pages = 0; ///< in the file
    unsigned vcpus = 0;
};
/// Told how many pages of how many are done; false stops the dump with ECANCELED.
using DumpProgress = std::function<bool(std::uint64_t done, std::uint64_t total)>;

/// Writes the core of a PV or PVH domain to `path` (mode 0600; all-zero pages become holes in the file). The domain
/// should be paused, or the picture is blurred. On failure no file is left, and an older one is as it was.
Result<CoreDump> dump_core(Control& control, DomId domain, const std::string& path, const DumpProgress& progress = {});

} // namespace hospes::xc
