// SPDX-License-Identifier: MIT
// The store nodes of a domain, as data: what is written, with whose permissions. Pure, so that
// tests compare whole trees.
#pragma once

#include "client/client.hpp"
#include "libxl/types/domain_config.hpp"
#include "xc/abi.hpp"

namespace hospes::xl {

/// /local/domain/D, /vm/UUID and /libxl/D of a new domain, before it is built.
void describe_domain(xs::Batch& out, xc::DomId domain, const DomainConfig& config);

struct Rings {
    std::uint64_t store_frame = 0, console_frame = 0;
    std::uint32_t store_port = 0, console_port = 0;
};
/// What a built domain adds: its rings, its console.
void describe_rings(xs::Batch& out, xc::DomId domain, const Rings& rings);

/// Removes everything that the two functions above wrote.
void forget_domain(xs::Batch& out, xc::DomId domain, const std::string& uuid);

} // namespace hospes::xl
