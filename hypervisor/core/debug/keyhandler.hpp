// SPDX-License-Identifier: MIT
// Debug keys: `xl debug-keys k` or, with the serial input switched to the hypervisor, the key itself.
#pragma once

#include "lib/types.hpp"

namespace hv {

void keyhandler_init(); ///< the keys of the core itself
/// `in_star`: '*' runs it too (only handlers that dump and change nothing). Description must live for ever.
void keyhandler_register(char key, void (*handler)(char key), const char* description, bool in_star = true);
/// Runs the key's handler now; false when there is none.
bool keyhandler_run(char key);

} // namespace hv
