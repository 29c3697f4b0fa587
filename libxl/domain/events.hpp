// SPDX-License-Identifier: MIT
// Domains that end, as they end: the store's @releaseDomain, compared with the hypervisor's list.
#pragma once

#include <optional>
#include <set>

#include "libxl/core/host.hpp"
#include "libxl/core/wait.hpp"

namespace hospes::xl {

struct DomainEvent {
    enum class Kind {
        shutdown, ///< it shut down (or crashed) and still exists; `reason` says how
        death,    ///< it is gone
    };
    Kind kind = Kind::death;
    xc::DomId domain = 0;
    ShutdownReason reason = ShutdownReason::unknown;
};

/// Reports for each watched domain at most one shutdown and then one death. What has happened before the watch
/// began is reported as well. Uses its own connection to the store, so that it may live beside other work.
class DomainEvents {
  public:
    static Result<DomainEvents> open(Host& host, std::set<xc::DomId> domains);

    /// The next event; nullopt after `timeout_ms` (-1: no limit) or when no domain is left to report.
    /// ECANCELED when `cancel` was requested.
    Result<std::optional<DomainEvent>> next(int timeout_ms, const Cancel* cancel = nullptr);
    /// Domains whose death was not reported yet.
    [[nodiscard]] const std::set<xc::DomId>& left() const { return watched_; }

  private:
    DomainEvents(xc::Control& control, xs::Client store, std::set<xc::DomId> domains);
    Result<std::optional<DomainEvent>> look();

    xc::Control* control_;
    xs::Client store_;
    std::set<xc::DomId> watched_, shut_down_;
};

} // namespace hospes::xl
