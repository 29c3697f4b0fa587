// SPDX-License-Identifier: MIT
#include "libxl/domain/events.hpp"

#include <cerrno>

namespace hospes::xl {

DomainEvents::DomainEvents(xc::Control& control, xs::Client store, std::set<xc::DomId> domains)
    : control_(&control), store_(std::move(store)), watched_(std::move(domains)) {}

Result<DomainEvents> DomainEvents::open(Host& host, std::set<xc::DomId> domains) {
    xc::Control* const control = HOSPES_TRY(host.control());
    return DomainEvents(*control, HOSPES_TRY(xs::Client::connect()), std::move(domains));
}

Result<std::optional<DomainEvent>> DomainEvents::look() {
    for (const xc::DomId domain : watched_) {
        const auto info = control_->info(domain);
        if (!info && info.problem().code != ESRCH) return info.problem();
        // What only waits for the last foreign mapping of its memory is gone for everybody else.
        if (!info || state_of(*info).dying) {
            watched_.erase(domain);
            return std::optional(DomainEvent{DomainEvent::Kind::death, domain, ShutdownReason::unknown});
        }
        if (const DomainState state = state_of(*info); state.shut_down && shut_down_.insert(domain).second)
            return std::optional(DomainEvent{DomainEvent::Kind::shutdown, domain, state.reason});
        else if (!state.shut_down)
            shut_down_.erase(domain); // resumed
    }
    return std::optional<DomainEvent>();
}

Result<std::optional<DomainEvent>> DomainEvents::next(int timeout_ms, const Cancel* cancel) {
    if (watched_.empty()) return std::optional<DomainEvent>();
    std::optional<DomainEvent> found;
    const auto deadline = timeout_ms < 0 ? Clock::now() + std::chrono::hours(24 * 365)
                                         : Clock::now() + std::chrono::milliseconds(timeout_ms);
    const auto something = [&]() -> Result<bool> {
        found = HOSPES_TRY(look());
        return found.has_value();
    };
    static_cast<void>(HOSPES_TRY(wait_until(store_, {"@releaseDomain"}, deadline, something, cancel)));
    return found;
}

} // namespace hospes::xl
