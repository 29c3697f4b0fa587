// SPDX-License-Identifier: MIT
// The engine's state to and from records.
#pragma once

#include <string>
#include <string_view>

#include "engine/engine.hpp"
#include "state/records.hpp"

namespace hospes::xs::state {

/// What a crash must not take: tree, permissions, domains and their watches, as they are when this is made. Writing
/// can then be spread over as many turns as one likes; the tree goes on changing.
class LastingDump {
  public:
    explicit LastingDump(const Engine& engine);
    /// Goes on until `out` holds `bytes`; false once everything is written.
    bool write(Writer& out, std::size_t bytes);

  private:
    Walk walk_;
    std::string first_, last_;
    std::string before_; ///< path of the node before
};
void dump_lasting(const Engine& engine, Writer& out);
/// What a live update needs on top: open transactions, quotas. Each transaction is first moved onto
/// the live tree, or doomed if what it read is not there any more: it could not commit anyway.
void dump_transient(Engine& engine, Writer& out);

/// Receives the records that concern the transport.
class TransportLoader {
  public:
    virtual ~TransportLoader() = default;
    /// False if the record is not known or not readable.
    virtual bool load(Record type, Reader& in) = 0;
};

/// Feeds records into a fresh engine. False at the first record that makes no sense; what came
/// before it has been loaded. `transport` may be null: then its records are refused.
bool load(Engine& engine, std::string_view bytes, TransportLoader* transport);

} // namespace hospes::xs::state
