// SPDX-License-Identifier: MIT
// The host's side of devices in a domain that is not the toolstack's: what `xl devd` does. It watches the domain's own
// backend nodes, plugs what a toolstack elsewhere has announced, and unplugs what has closed or whose nodes are gone:
// nobody has to wait for it.
#pragma once

#include <functional>
#include <map>
#include <set>

#include "libxl/core/host.hpp"
#include "libxl/core/wait.hpp"

namespace hospes::xl {

class DriverDomain {
  public:
    using Log = std::function<void(const std::string& line)>;
    /// Serves the domain that this connection to the store belongs to.
    static Result<DriverDomain> open(Host& host, Log log);

    /// Does what is due now. A device that cannot be plugged says why in its hotplug-error node and is left alone
    /// until it goes.
    Status scan();
    /// Until cancelled (the answer is then success) or the store is lost.
    Status serve(const Cancel& cancel);

  private:
    DriverDomain(Host& host, xc::DomId own, Log log) : host_(&host), own_(own), log_(std::move(log)) {}
    Status look_at(const std::string& kind, const std::string& backend, xc::DomId guest, unsigned devid);
    Status plug(const std::string& kind, const std::string& backend, xc::DomId guest, unsigned devid);
    Status plug_disk(const std::string& backend);
    Status plug_nic(const std::string& backend, xc::DomId guest, unsigned devid);
    /// What is needed to undo the host's side, also when the nodes are gone.
    struct Plugged {
        std::string kind, script, node, params, interface, bridge, gatewaydev;
    };
    Plugged remember(const std::string& kind, const std::string& backend, xc::DomId guest, unsigned devid) const;
    void unplug(const std::string& backend, const Plugged& what);
    [[nodiscard]] std::string leaf(const std::string& backend, const char* name) const;

    Host* host_;
    xc::DomId own_;
    Log log_;
    std::map<std::string, Plugged> plugged_; ///< by backend
    std::set<std::string> refused_;          ///< backends that could not be plugged
};

} // namespace hospes::xl
