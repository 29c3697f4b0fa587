// SPDX-License-Identifier: MIT
#include "libxl/core/host.hpp"

#include <cerrno>

#include "libxl/device/spec_text.hpp"

namespace hospes::xl {

Host::Host(std::unique_ptr<xc::Transport> transport, std::unique_ptr<Hotplug> hotplug)
    : transport_(std::move(transport)), control_(std::make_unique<xc::Control>(*transport_)),
      hotplug_(std::move(hotplug)) {}

Hotplug& Host::hotplug() {
    if (!hotplug_) hotplug_ = native_hotplug();
    return *hotplug_;
}

Result<xc::Control*> Host::control() {
    if (!control_) {
        transport_ = HOSPES_TRY(xc::open_privcmd());
        control_ = std::make_unique<xc::Control>(*transport_);
    }
    return control_.get();
}

Result<xs::Client*> Host::store() {
    if (!store_) store_ = std::make_unique<xs::Client>(HOSPES_TRY(xs::Client::connect()));
    return store_.get();
}

namespace {

std::vector<std::string> name_nodes(const std::vector<xc::DomainInfo>& domains) {
    std::vector<std::string> nodes;
    for (const xc::DomainInfo& info : domains)
        nodes.push_back("/local/domain/" + std::to_string(info.domain) + "/name");
    return nodes;
}

/// What the stock tools print, and scripts match.
std::string nameless(xc::DomId domain) { return domain == 0 ? "Domain-0" : "(null)"; }

} // namespace

std::string Host::name_of(xc::DomId domain) {
    auto client = store();
    if (client)
        if (auto name = (*client)->read("/local/domain/" + std::to_string(domain) + "/name")) return *std::move(name);
    return nameless(domain);
}

std::vector<std::string> Host::names_of(const std::vector<xc::DomainInfo>& domains) {
    std::vector<std::string> names;
    auto client = store();
    Result<std::vector<std::optional<std::string>>> values(std::vector<std::optional<std::string>>(domains.size()));
    if (client) values = (*client)->read_all(name_nodes(domains));
    for (std::size_t i = 0; i < domains.size(); ++i)
        names.push_back(values && (*values)[i] ? *std::move((*values)[i]) : nameless(domains[i].domain));
    return names;
}

Result<xc::DomId> Host::find(std::string_view what) {
    if (const auto number = to_number<xc::DomId>(what)) return *number;
    xc::Control* const hypervisor = HOSPES_TRY(control());
    xs::Client* const client = HOSPES_TRY(store());
    const auto domains = HOSPES_TRY(hypervisor->list());
    const auto names = HOSPES_TRY(client->read_all(name_nodes(domains)));
    for (std::size_t i = 0; i < domains.size(); ++i)
        if (names[i] == what || (domains[i].domain == 0 && !names[i] && what == "Domain-0")) return domains[i].domain;
    return error("look up domain '" + std::string(what) + "'", ENOENT, "no domain has this name or id",
                 "`xl list` shows them");
}

Result<std::string> Host::pool_name(std::uint32_t pool) {
    xs::Client* const client = HOSPES_TRY(store());
    auto name = HOSPES_TRY(client->try_read("/local/pool/" + std::to_string(pool) + "/name"));
    return name.value_or("Pool-" + std::to_string(pool));
}

DomainState state_of(const xc::DomainInfo& info) {
    DomainState s;
    s.dying = (info.flags & XEN_DOMINF_dying) != 0;
    s.shut_down = (info.flags & XEN_DOMINF_shutdown) != 0;
    s.paused = (info.flags & XEN_DOMINF_paused) != 0;
    s.blocked = (info.flags & XEN_DOMINF_blocked) != 0;
    s.running = (info.flags & XEN_DOMINF_running) != 0;
    if (s.shut_down)
        s.reason = static_cast<ShutdownReason>((info.flags >> XEN_DOMINF_shutdownshift) & XEN_DOMINF_shutdownmask);
    s.type = (info.flags & XEN_DOMINF_hvm_guest) ? DomainType::hvm : DomainType::pv;
    return s;
}

DomainType type_of(Host& host, const xc::DomainInfo& info) {
    const DomainType raw = state_of(info).type;
    if (raw != DomainType::hvm) return raw;
    auto client = host.store();
    if (!client) return raw;
    const auto stored = (*client)->read("/libxl/" + std::to_string(info.domain) + "/type");
    return stored ? from_string<DomainType>(*stored).value_or(raw) : raw;
}

} // namespace hospes::xl
