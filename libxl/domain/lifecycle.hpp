// SPDX-License-Identifier: MIT
// What happens to a domain between its creation and its end. Waiting for an end: domain/events.hpp.
// Every function answers ESRCH when the domain does not exist.
#pragma once

#include "libxl/core/host.hpp"
#include "libxl/core/wait.hpp"

namespace hospes::xl {

/// What a guest can be asked for through control/shutdown (xenstore-paths of the ABI).
enum class ShutdownRequest { poweroff, reboot, halt, suspend };

struct ShutdownOptions {
    /// xl's -F: an HVM guest without PV drivers is sent the ACPI power or reset button instead.
    bool acpi_fallback = false;
};

/// Asks the guest; does not wait. ENOTSUP when it cannot hear us: an HVM guest without PV drivers and no fallback.
Status request_shutdown(Host& host, xc::DomId domain, ShutdownRequest what, const ShutdownOptions& options = {});

/// Ends the domain at once and removes every trace of it: devices, loop devices and processes of them, store
/// nodes, the record, the domain. Takes a domain that is half gone as well. Every step is tried whatever became of
/// the one before; the first failure is the answer. EINVAL for domain 0.
Status destroy_domain(Host& host, xc::DomId domain);

/// EEXIST when another domain has the name, EINVAL when it is no name.
Status rename_domain(Host& host, xc::DomId domain, const std::string& name);

/// control/sysrq: one key of the guest kernel's Magic SysRq.
Status send_sysrq(Host& host, xc::DomId domain, char key);

/// Gives a domain that called for it (SHUTDOWN_soft_reset) a fresh start in its own memory. EOPNOTSUPP: not built.
Status soft_reset_domain(Host& host, xc::DomId domain);

/// Writes the guest's memory and vCPUs to `path` in Xen's core format (ELF with .xen_* notes). The domain is
/// paused meanwhile unless `live`. Nothing is left under `path` when it fails.
Status dump_core(Host& host, xc::DomId domain, const std::string& path, bool live = false);

} // namespace hospes::xl
