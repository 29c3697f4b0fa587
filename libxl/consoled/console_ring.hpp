// SPDX-License-Identifier: MIT
// The PV console ring, seen from the back end. Source: <xen/io/console.h>.
#pragma once

#include <string>
#include <string_view>

#include <cstdint>

#include <xen/io/console.h>

namespace hospes::xl::consoled {

class ConsoleRing {
  public:
    explicit ConsoleRing(xencons_interface& page) : page_(&page) {}

    /// Takes what the guest has written; at most one ring's worth, whatever its indices say.
    std::string take();
    /// Gives the guest as much as fits; returns how much that was.
    std::size_t give(std::string_view bytes);

  private:
    xencons_interface* page_;
};

} // namespace hospes::xl::consoled
