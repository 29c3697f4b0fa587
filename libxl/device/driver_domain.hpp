// SPDX-License-Identifier: MIT
// The host's side of devices in a domain that is not the toolstack's: what `xl devd` does. It watches the domain's own
// backend nodes, plugs what a toolstack elsewhere has announced, and unplugs what has closed or whose nodes are gone:
// nobody has to wait for it. A guest's images are served by a QEMU of its own, which runs while there are any.
#pragma once

#include <functional>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "libxl/core/host.hpp"
#include "libxl/core/wait.hpp"

namespace hospes::xl {

class DriverDomain {
  public:
    using Log = std::function<void(const std::string& line)>;
    /// Serves the domain that this connection to the store belongs to.
    static Result<DriverDomain> open(Host& host, Log log);

    /// Does what is due now. A device that cannot be plugged, or whose QEMU ends, says why in its hotplug-error node
    /// and is left alone until it goes.
    Status scan();
    /// Until cancelled (the answer is then success) or the store is lost.
    Status serve(const Cancel& cancel);

  private:
    DriverDomain(Host& host, xc::DomId own, Log log) : host_(&host), own_(own), log_(std::move(log)) {}
    Status look_at(const std::string& kind, const std::string& backend, xc::DomId guest, unsigned devid);
    Status plug(const std::string& kind, const std::string& backend, xc::DomId guest, unsigned devid);
    Status plug_disk(const std::string& backend);
    Status plug_nic(const std::string& backend, xc::DomId guest, unsigned devid);
    Status refuse(const std::string& backend, const std::string& why);
    /// A guest's backend nodes of images.
    using Images = std::map<xc::DomId, std::vector<std::string>>;
    Status look_at_image(const std::string& backend, xc::DomId guest, Images& images);
    Status serve_images(const Images& images);
    Status serve_images_of(xc::DomId guest, const std::vector<std::string>& images);
    Status find_models();
    bool wait(int store, const Cancel& cancel) const;
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
    std::map<std::string, Plugged> plugged_;  ///< by backend
    std::set<std::string> refused_;           ///< backends that could not be plugged
    std::map<xc::DomId, std::string> models_; ///< the QEMU of each guest that has one: its process's identity
};

} // namespace hospes::xl
