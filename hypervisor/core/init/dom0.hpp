// SPDX-License-Identifier: MIT
#pragma once

namespace hv {

/// Builds the control domain from the boot modules, frees them, and starts it. Any failure is one line and a stop.
void dom0_build();

} // namespace hv
