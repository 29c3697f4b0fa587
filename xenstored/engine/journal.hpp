// SPDX-License-Identifier: MIT
// What the engine tells whoever keeps its state across a crash. Called when a change takes effect
// in the live tree, in order; an implementation only collects until the transport commits (state/).
#pragma once

#include <cstdint>
#include <string_view>

#include "store/perms.hpp"

namespace hospes::xs {

class Journal {
  public:
    virtual ~Journal() = default;
    /// The complete new state of one node; missing parents exist with the same permissions.
    virtual void node(std::string_view path, std::string_view value, const PermSet& perms) = 0;
    virtual void removed(std::string_view path) = 0;
    virtual void special_perms(std::string_view path, const PermSet& perms) = 0;
    virtual void watch(Domid domid, std::string_view client_path, std::string_view token, std::uint32_t depth) = 0;
    virtual void unwatch(Domid domid, std::string_view client_path, std::string_view token) = 0;
    virtual void reset_watches(Domid domid) = 0;
    virtual void introduced(Domid domid, std::uint64_t gfn, std::uint32_t port) = 0;
    virtual void released(Domid domid) = 0;
    virtual void target(Domid domid, Domid target) = 0;
};

} // namespace hospes::xs
