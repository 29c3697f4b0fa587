// SPDX-License-Identifier: MIT
// How a long transaction wins in the end. Whoever was refused twice in a row gets, with its next
// attempt, a guard over the paths that its refused attempts depended on: for a bounded time,
// requests of others that would invalidate one of those paths wait. Everything else goes on. An
// unprivileged client gets a short guard, rarely, and only over paths that it may read.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "engine/connection.hpp"

namespace hospes::xs {

class Guard {
  public:
    static constexpr std::uint32_t refusals_needed = 2;
    static constexpr std::uint64_t privileged_ms = 1000;
    static constexpr std::uint64_t unprivileged_ms = 250;
    static constexpr std::uint64_t pause_factor = 8; ///< idle time per guarded time, unprivileged

    bool active(std::uint64_t now) const { return holder_ && now < deadline_; }
    std::uint64_t deadline() const { return holder_ ? deadline_ : UINT64_MAX; }
    bool held_by(const Connection& c) const { return holder_ == &c; }

    void refused(Connection& conn, Transaction& tx);
    static void committed(Connection& conn);
    /// Called when `conn` starts transaction `tx`.
    void consider(Connection& conn, std::uint32_t tx, std::uint64_t now);
    /// Called when a transaction ends. True if that opened the guard.
    bool ended(const Connection& conn, std::uint32_t tx, std::uint64_t now);
    void drop(const Connection& conn);
    /// Opens a guard whose time is up; true if there was one.
    bool expire(std::uint64_t now);
    /// Whether a change of `path` by `conn` has to wait. `live` is the tree it would change.
    bool blocks(const Connection& conn, ChangeKind kind, std::string_view path, const Tree& live,
                std::uint64_t now) const;

  private:
    void open(Connection& conn, std::uint64_t now);
    Connection* holder_ = nullptr;
    std::uint32_t tx_ = 0;
    std::uint64_t started_ = 0;
    std::uint64_t deadline_ = 0;
    std::vector<ReadSet::Entry> paths_; ///< sorted by path
};

} // namespace hospes::xs
