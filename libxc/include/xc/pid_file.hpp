// SPDX-License-Identifier: MIT
#pragma once

#include <string>

namespace hospes::xc {

/// Where init scripts look for a daemon's process. An empty path asks for none; else an errno value, 0 when written.
[[nodiscard]] int write_pid_file(const std::string& path);

} // namespace hospes::xc
