// SPDX-License-Identifier: MIT
// The configuration a domain was created with, kept beside it as JSON
// (/var/lib/xen/userdata-d.ID.UUID.libxl-json), where the stock libxl looks for it as well.
#pragma once

#include <functional>

#include "libxl/core/host.hpp"
#include "libxl/types/domain_config.hpp"
#include "xc/abi.hpp"
#include "xc/result.hpp"

namespace hospes::xl {

/// Where records live; $HOSPES_STATE_DIR for tests.
std::string state_directory();
/// Replaces a file in one step; nothing of the attempt is left when it fails.
Status write_file(const std::string& name, std::string_view text);
Result<DomainConfig> load_record_file(const std::string& name);

/// Replaces what was saved, in one step: a reader sees the old or the new one, also after a crash.
Status save_record(xc::DomId domain, const DomainConfig& config);
Result<DomainConfig> load_record(xc::DomId domain);
void forget_record(xc::DomId domain);
/// Reads, changes and saves it while nobody else does.
Status change_record(xc::DomId domain, const std::function<void(DomainConfig&)>& change);

/// The record brought up to date from the hypervisor and the store: id, name, UUID, memory target, online vCPUs.
/// What `xl list -l` prints and a reboot uses. ENOENT when none was saved (a domain of other tools).
Result<DomainConfig> retrieve_config(Host& host, xc::DomId domain);
/// config-update: what the domain's next start will use. Name and UUID stay what they are.
Status update_config(Host& host, xc::DomId domain, DomainConfig config);

} // namespace hospes::xl
