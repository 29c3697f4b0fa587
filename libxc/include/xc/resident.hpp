// SPDX-License-Identifier: MIT
// What a daemon keeps in memory while it waits.
#pragma once

namespace hospes::xc {

/// Unmaps the pages of the program's code and constants; those that are used come back from the page cache. A daemon
/// calls it once it is ready: most of what is mapped by then only its start needed.
void forget_start();

} // namespace hospes::xc
