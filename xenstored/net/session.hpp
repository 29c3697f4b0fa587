// SPDX-License-Identifier: MIT
// One client of the daemon: a transport on one side, its Connection in the engine on the other.
#pragma once

#include "engine/engine.hpp"

namespace hospes::xs {

class SocketSession;

class Session {
  public:
    explicit Session(Connection& connection) : conn(&connection) { conn->io = this; }
    Session(const Session&) = delete;
    Session& operator=(const Session&) = delete;
    virtual ~Session() = default;

    /// Handles what has arrived, up to a bound; called again while it returns true.
    virtual bool run() = 0;
    /// Hands conn->out to the transport as far as that takes it.
    virtual void flush() = 0;
    /// Called when it has to wait for its turn: whether it is to be read may have changed.
    virtual void watch() {}
    virtual SocketSession* socket() { return nullptr; }

    Connection* conn;
    bool queued = false;   ///< is in the server's run queue
    bool deferred = false; ///< its next request waits for somebody's transaction
};

} // namespace hospes::xs
