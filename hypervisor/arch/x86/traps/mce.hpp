// SPDX-License-Identifier: MIT
#pragma once

namespace hv {
void mce_init(); ///< on each CPU: enables every bank and CR4.MCE
}
