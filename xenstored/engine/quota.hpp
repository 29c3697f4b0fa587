// SPDX-License-Identifier: MIT
// What an unprivileged domain may use. Names and defaults as the C daemon of Xen 4.17 has them.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace hospes::xs {

struct Quotas {
    std::uint32_t nodes = 1000;
    std::uint32_t node_size = 2048; ///< name, value and permissions of one node, in bytes
    std::uint32_t watches = 128;
    std::uint32_t transactions = 10;
    std::uint32_t node_permissions = 5;
    std::uint32_t path_max = 2048; ///< beyond any domain's home; holds for everybody
    std::uint32_t transaction_nodes = 1024;
    std::uint32_t outstanding = 20; ///< the transport stops reading a guest that has so many answers unread
    std::uint32_t memory = 2'621'440;
    std::uint32_t memory_soft = 2'097'152;  ///< passing it is logged
    std::uint32_t watch_event_seconds = 20; ///< an event that is not taken for longer is dropped; 0: never
};

struct QuotaName {
    std::string_view name;
    std::uint32_t Quotas::*member;
    std::string_view help;
};

inline constexpr std::array<QuotaName, 9> quota_names = {{
    {"nodes", &Quotas::nodes, "nodes per domain"},
    {"node-size", &Quotas::node_size, "size of a node"},
    {"watches", &Quotas::watches, "watches per domain"},
    {"transactions", &Quotas::transactions, "concurrent transactions per domain"},
    {"node-permissions", &Quotas::node_permissions, "permission entries per node"},
    {"path-max", &Quotas::path_max, "length of a path"},
    {"transaction-nodes", &Quotas::transaction_nodes, "nodes accessed by one transaction"},
    {"outstanding", &Quotas::outstanding, "unanswered requests per domain"},
    {"memory", &Quotas::memory, "memory per domain for nodes, watches, transactions and replies"},
}};

/// Passing one of these is only logged.
inline constexpr std::array<QuotaName, 1> soft_quota_names = {{
    {"memory", &Quotas::memory_soft, "memory per domain, see quota"},
}};

template <std::size_t N> const QuotaName* find_quota(const std::array<QuotaName, N>& names, std::string_view name) {
    for (const QuotaName& q : names)
        if (q.name == name) return &q;
    return nullptr;
}
inline const QuotaName* find_quota(std::string_view name) { return find_quota(quota_names, name); }

} // namespace hospes::xs
