// SPDX-License-Identifier: MIT
// The host as the toolstack sees it: the hypervisor's control interface and the store, opened when
// first needed.
#pragma once

#include <memory>
#include <optional>

#include "client/client.hpp"
#include "libxl/hotplug/hotplug.hpp"
#include "libxl/types/enums.hpp"
#include "xc/control.hpp"

namespace hospes::xl {

class Host {
  public:
    Host() = default;
    /// For tests: another way down to the hypervisor, and other devices than this host's.
    explicit Host(std::unique_ptr<xc::Transport> transport, std::unique_ptr<Hotplug> hotplug = nullptr);

    Result<xc::Control*> control();
    Result<xs::Client*> store();
    Hotplug& hotplug();
    /// Makes the next store() connect anew, after the daemon went away.
    void drop_store() { store_.reset(); }

    /// The name in the store; "(null)" is never shown: a domain without a name is called by its
    /// state.
    std::string name_of(xc::DomId domain);
    /// Of many at once.
    std::vector<std::string> names_of(const std::vector<xc::DomainInfo>& domains);
    /// A number, or a name looked up among the domains. `what` the user typed.
    Result<xc::DomId> find(std::string_view what);
    Result<std::string> pool_name(std::uint32_t pool);

  private:
    std::unique_ptr<xc::Transport> transport_;
    std::unique_ptr<xc::Control> control_;
    std::unique_ptr<xs::Client> store_;
    std::unique_ptr<Hotplug> hotplug_;
};

/// Flags of getdomaininfo, decoded.
struct DomainState {
    bool running = false, blocked = false, paused = false, shut_down = false, dying = false;
    ShutdownReason reason = ShutdownReason::unknown;
    DomainType type = DomainType::invalid;
};
DomainState state_of(const xc::DomainInfo& info);
/// PVH is HVM without a device model, which only the store knows.
DomainType type_of(Host& host, const xc::DomainInfo& info);

} // namespace hospes::xl
