// SPDX-License-Identifier: MIT
#pragma once

#include <memory>

#include "net/server.hpp"

namespace hospes::xs {

/// A domain on its ring: one request at a time, a bounded number per turn.
class DomainSession final : public Session {
  public:
    DomainSession(Server& server, Connection& connection, std::unique_ptr<RingPage> page, Ring ring, Slot& its_slot,
                  std::uint32_t local_port)
        : Session(connection), port(local_port), slot(its_slot), server_(server), page_(std::move(page)), ring_(ring) {}

    bool run() override;
    void flush() override;

    std::uint32_t port; ///< local event channel
    Slot& slot;

  private:
    void cut_off(Ring::Fault why);
    void hand_out();
    void tell();

    Server& server_;
    std::unique_ptr<RingPage> page_;
    Ring ring_;
    unsigned unread_ = 0; ///< answers since none was left that the ring had no room for
};

} // namespace hospes::xs
