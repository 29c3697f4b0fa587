// SPDX-License-Identifier: MIT
// The Flask security module, where the hypervisor has one. Policy files are read here, so that the
// error names the file.
#pragma once

#include "libxl/core/host.hpp"

namespace hospes::xl {

enum class FlaskMode { disabled, permissive, enforcing };
/// `disabled` when the hypervisor has no such module.
Result<FlaskMode> flask_mode(Host& host);
Status set_flask_enforcing(Host& host, bool on);
Status load_flask_policy(Host& host, const std::string& file);

} // namespace hospes::xl
